"""Any view as Parquet: the rows, kinds and NULLs of the view."""

import io

import pytest
from pyarrow import parquet as reading

from circuit_store import parquet, queries
from circuit_store.errors import StoreError
from circuit_store.views import VIEWS, Column


@pytest.mark.parametrize("which", VIEWS.values(), ids=VIEWS)
def test_a_view_comes_back(toy, which):
    """Invariant: columns, their order and kinds, and every row are the view's; what a column means is kept."""
    file = io.BytesIO()
    parquet.write(file, queries.found(toy.full().db, which), which.columns)
    table = reading.read_table(io.BytesIO(file.getvalue()))
    assert table.to_pylist() == queries.rows(toy.db, which) != []
    kinds = {int: "int64", float: "double", str: "string"}
    assert [(f.name, str(f.type)) for f in table.schema] == [(c.name, kinds[c.kind]) for c in which.columns]
    assert [f.metadata[b"meaning"].decode() for f in table.schema] == [c.meaning for c in which.columns]


@pytest.mark.parametrize("rows", [0, 1, 4, 5, 8, 11])
def test_rows_come_back_in_groups(rows, monkeypatch):
    """Invariant: every row once, in order, however many are held and written together."""
    monkeypatch.setattr(parquet, "_GROUP", 4)
    monkeypatch.setattr(parquet, "_PIECE", 2)
    file, wanted = io.BytesIO(), [{"layer": i, "name": f"a{i}" if i % 3 else None} for i in range(rows)]
    columns = [Column("layer", "", kind=int), Column("name", "")]
    parquet.write(file, [tuple(row.values()) for row in wanted], columns)
    written = reading.ParquetFile(io.BytesIO(file.getvalue()))
    groups = [written.metadata.row_group(i).num_rows for i in range(written.num_row_groups)]
    assert written.read().to_pylist() == wanted and groups == [4] * (rows // 4) + [rows % 4] * (rows % 4 > 0)


def test_a_damaged_column_is_a_sentence(toy):
    """Text where a number belongs is refused, half a character is shown as one that cannot be read."""
    number, text = Column("layer", "", kind=int), Column("name", "")
    with pytest.raises(StoreError, match="^The column layer holds what it should not"):
        parquet.write(io.BytesIO(), [("one",)], [number])
    file = io.BytesIO()
    parquet.write(file, [("a\ud800",), (b"bytes",), (None,)], [text])
    assert reading.read_table(io.BytesIO(file.getvalue()))["name"].to_pylist() == ["a�", "bytes", None]
