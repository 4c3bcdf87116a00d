"""A SELECT of the user's own on a store, as a table: one statement, which may read and nothing else.

SQLite asks for each thing that a statement would do (its authorizer): reading, functions and recursion are allowed.
The connection is read-only besides. Bytes are shown by their number; a value is no longer than `_LONGEST`.
"""

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from circuit_store.display_text import plain
from circuit_store.errors import StoreError
from circuit_store.queries.arrangement import EVERYTHING, Arrangement
from circuit_store.queries.tables import Keeps, Table

_ALLOWED = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
_READS = re.compile(r"\s*(select|with|values)\b", re.IGNORECASE)
_LONGEST, _SHOWN = 50_000_000, 20_000
"""Bytes that a value may have, and letters of a text that are read."""


class BadStatement(StoreError):
    """Not one SELECT, or not one that this store can answer; `str` is a sentence."""


class Statement(Table):
    """The rows of a SELECT.

    Raises:
        BadStatement: it is no SELECT; from all that asks, what SQLite has against it.
    """

    def __init__(self, text: str, db: sqlite3.Connection) -> None:
        self.text = text.strip().rstrip(";").strip()
        if not _READS.match(self.text):
            raise BadStatement(f"{plain(self.text[:60]) or 'Nothing'}: give one SELECT; the store is only read.")
        self.order = ""
        with self.asking(db):
            db.execute(f"EXPLAIN {self.text}").fetchone()  # of one statement, which stands alone
            cursor = db.execute(f"SELECT * FROM (\n{self.text}\n) LIMIT 0")
        self.names = [name for name, *_ in cursor.description]

    def narrowed(self, wanted: Arrangement = EVERYTHING, keeps: Keeps | None = None) -> "Statement":
        """The same, filtered and ordered; names in `wanted` are those of columns, as `named` writes them."""
        self.keeps, self._wanted = keeps, wanted
        self.order, self.ordered_by = wanted.first.removesuffix(", "), tuple(wanted.ranked)
        return self

    _wanted = EVERYTHING

    def named(self, column: str) -> str:
        return f'"{column.replace(chr(34), chr(34) * 2)}"'

    def cell(self, column: str) -> str:
        """As it may be shown."""
        name = self.named(column)
        text = f"WHEN 'text' THEN substr({name}, 1, {_SHOWN})"
        return f"CASE typeof({name}) WHEN 'blob' THEN length({name}) || ' bytes' {text} ELSE {name} END"

    def whole(self, column: str) -> str:
        name = self.named(column)
        return f"iif(typeof({name}) = 'blob', length({name}) || ' bytes', {name})"

    def select(self, what: str, rest: str = "") -> tuple[str, tuple[Any, ...]]:
        where = " AND ".join(filter(None, [self._wanted.condition, self.condition]))
        statement = f"SELECT {what} FROM (\n{self.text}\n) {where and f'WHERE {where} '}{rest}"
        return statement, tuple(self._wanted.values)

    @contextmanager
    def asking(self, db: sqlite3.Connection) -> Iterator[None]:
        before = db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST)
        db.set_authorizer(_allowed)
        try:
            with super().asking(db):
                yield
        except (sqlite3.Error, sqlite3.Warning) as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_INTERRUPT:
                raise
            raise BadStatement(f"The statement cannot be answered: {_why(error)}.") from None
        finally:
            db.set_authorizer(None)
            db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, before)

    def __repr__(self) -> str:
        return self.text


def _allowed(action: int, *of: Any) -> int:
    return sqlite3.SQLITE_OK if action in _ALLOWED else sqlite3.SQLITE_DENY


def _why(error: Exception) -> str:
    said = plain(str(error)).rstrip(".")
    return "it would do more than read" if said == "not authorized" else said


def whole(text: str, db: sqlite3.Connection) -> tuple[Sequence[str], Iterator[tuple[Any, ...]]]:
    """Names of the columns and all rows, as they are taken. Raises: BadStatement."""
    table = Statement(text, db)
    return table.names, table.each(db, table.names)
