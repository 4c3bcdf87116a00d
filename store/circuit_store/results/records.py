"""What an analysis found, as rows of the store's tables; what their numbers mean is said in `views`.

The store knows no mathematics, and the mathematics no tables. So a result travels by names: the worker names table and
columns by the fields of what was computed, `write` refuses names that the tables lack, and a column that is not named
is NULL.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple


@dataclass(frozen=True)
class Provenance:
    """What a result is of, and its key: an equal key is never computed twice."""

    key: str
    run: int
    checkpoint: int
    analysis: str
    params: dict[str, Any]
    identity: str
    """The source: path, size and time of each weight file, or a commit hash."""
    fingerprint: str | None
    dtype: str
    seconds: float
    role: str | None = None
    task: "TaskRecord | None" = None
    device: str = "cpu"
    threads: int = 1
    version: str = "0"
    """Of the analysis and of what it rests on, `3` or `3.2`: other versions may give other numbers. 0: of a file."""


@dataclass(frozen=True)
class TaskRecord:
    name: str
    hash: str
    metric: str
    prepend_bos: bool


class TableRows(NamedTuple):
    """What a result has in one table."""

    table: str
    columns: tuple[str, ...]
    """All that have values, but the result's id."""
    rows: Sequence[Sequence[Any]]

    @staticmethod
    def of(table: str, *rows: Mapping[str, Any]) -> "TableRows":
        """Rows by column, all of the same columns."""
        columns = tuple(rows[0]) if rows else ()
        return TableRows(table, columns, [tuple(row[name] for name in columns) for row in rows])


@dataclass(frozen=True)
class Record:
    """Everything that one analysis of one checkpoint found."""

    tables: tuple[TableRows, ...] = ()
    reason: str | None = None
    """Why values are missing."""


class Undefined(Record):
    """Nothing can be said, for a reason."""

    def __init__(self, reason: str) -> None:
        super().__init__((), reason)
