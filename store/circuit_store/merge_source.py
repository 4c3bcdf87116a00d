"""The store from which a merge takes: read row by row, and told from the one that is written if it is damaged."""

import sqlite3
from dataclasses import dataclass
from functools import cache
from typing import Any

from circuit_store.integrity import columns_of_this_version
from circuit_store.maintenance import CONTENT
from circuit_store.queue.states import RunState

_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_ROW = 250
"""Bytes that a row of numbers takes, about."""
_WIDE = {"circuit", "head_by_prompt", "attention_row"}
"""Tables with rows of any size, a few to each result."""


class SourceBroken(Exception):
    """What it should hold cannot be read, or is not there."""


@dataclass(frozen=True)
class ResultFound:
    """A result, and what lies below it."""

    row: dict[str, Any]
    content: dict[str, list[Any]]
    """Table -> what the result has there, the columns of `columns_below`."""

    @property
    def size(self) -> int:
        """Bytes, about."""
        wide = (row for table in _WIDE & self.content.keys() for row in self.content[table])
        cells = (len(value) for row in wide for value in row if isinstance(value, str | bytes))
        return sum(cells) + sum(_ROW * len(rows) for rows in self.content.values())


class Source:
    """The rows of a store that is open for reading."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db

    def ask(self, query: str, *parameters: Any) -> list[Any]:
        """Raises: SourceBroken, or sqlite3.Error if it cannot be read now."""
        return self._found(self.db.cursor(), query, *parameters)

    def _found(self, cursor: sqlite3.Cursor, query: str, *parameters: Any) -> list[Any]:
        try:
            return cursor.execute(query, parameters).fetchall()
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF in _DAMAGE:
                raise SourceBroken(error) from None
            raise

    def row(self, table: str, own: int) -> dict[str, Any]:
        for row in self.ask(f"SELECT * FROM {table} WHERE id = ?", own):
            return dict(row)
        raise SourceBroken(f"there is no {table} {own}")

    def result(self, own: int) -> ResultFound:
        row = self.row("result", own)
        below = self.db.cursor()
        below.row_factory = None  # plain tuples: a result may have thousands
        query = "SELECT {} FROM {} WHERE result_id = ?"
        content = {t: self._found(below, query.format(columns_below(t), t), own) for t in CONTENT}
        return ResultFound(row, {table: rows for table, rows in content.items() if rows})

    def run(self, run: int) -> dict[str, Any]:
        """A run as it is to stand in another store: over, and without units."""
        row = self.row("run", run)
        del row["id"]
        return row | {"state": RunState.DONE, "hidden": 1, "log": None}


@cache
def columns_below(table: str) -> str:
    """SQL: all of a table of `CONTENT` but the result's id."""
    return ", ".join(name for name in columns_of_this_version()[table] if name != "result_id")
