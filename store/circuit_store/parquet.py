"""Rows of a view as Parquet (extra `parquet`): columns keep their kinds, NULL is null, no file is ever held whole.

Integers are int64, other numbers double, text is string; what each column means stands in the file's schema.
"""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import IO, Any

from circuit_store.display_text import cell, encodable
from circuit_store.errors import StoreError
from circuit_store.views import Column

_GROUP, _PIECE = 100_000, 10_000
"""Rows that are written together; those of them that are held as Python's objects, which take ten times the room."""
_MISSING = "Parquet needs pyarrow, which is not installed: `pip install 'circuit-tui[parquet]'`."


def write(file: IO[bytes], rows: Iterable[Sequence[Any]], columns: Sequence[Column]) -> None:
    """Args:
        rows: of each the values of `columns`, in their order.

    Raises:
        StoreError: pyarrow is not installed, or a damaged store holds what a column cannot hold.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise StoreError(_MISSING) from None
    kinds = {int: pyarrow.int64(), float: pyarrow.float64(), str: pyarrow.string()}
    fields = [pyarrow.field(of.name, kinds[of.kind], metadata={"meaning": of.meaning}) for of in columns]
    schema, rows = pyarrow.schema(fields), iter(rows)

    def table(piece: list[Sequence[Any]]) -> Any:
        held = zip(zip(*piece, strict=True), columns, strict=True)
        return pyarrow.table([_column(pyarrow, values, of, kinds[of.kind]) for values, of in held], schema=schema)

    pieces = map(table, iter(lambda: list(islice(rows, _PIECE)), []))
    with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        while group := list(islice(pieces, _GROUP // _PIECE)):
            writer.write_table(pyarrow.concat_tables(group))


def _column(pyarrow: Any, values: Sequence[Any], of: Column, kind: Any) -> Any:
    """Raises: StoreError."""
    try:
        return pyarrow.array([_text(value) for value in values] if of.kind is str else values, kind)
    except (pyarrow.ArrowInvalid, pyarrow.ArrowTypeError, UnicodeEncodeError, OverflowError) as error:
        raise StoreError(f"The column {of.name} holds what it should not ({error}): export it as CSV.") from None


def _text(value: Any) -> str | None:
    return None if value is None else encodable(str(cell(value)))
