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


def test_a_damaged_column_is_a_sentence(toy):
    """Text where a number belongs is refused, half a character is shown as one that cannot be read."""
    number, text = Column("layer", "", kind=int), Column("name", "")
    with pytest.raises(StoreError, match="^The column layer holds what it should not"):
        parquet.write(io.BytesIO(), [("one",)], [number])
    file = io.BytesIO()
    parquet.write(file, [("a\ud800",), (b"bytes",), (None,)], [text])
    assert reading.read_table(io.BytesIO(file.getvalue()))["name"].to_pylist() == ["a�", "bytes", None]
