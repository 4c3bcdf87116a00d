"""What a table on a screen asks: some of its rows, how many there are, and how many hold each value of a column.

A window is read by a statement that gives its rows and no others; nothing is held of the rest. Where the view's own
order stands and results lie together in it (`View.leading`), the first window is read result by result.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from typing import Any

from circuit_store.queries.arrangement import EVERYTHING, Arrangement
from circuit_store.queries.views import Asked
from circuit_store.views import View

Keeps = Callable[[Sequence[Any]], bool]
"""Whether a row is kept, by its cells."""
_KEPT = "kept"


class Table:
    """Rows that are filtered and ordered; subclasses say how their statements begin.

    Errors of `keeps` are raised as they are.
    """

    names: list[str]
    order: str
    """SQL, of the rows."""
    ordered_by: tuple[Any, ...] = ()
    """Its parameters."""
    keeps: Keeps | None = None

    def window(self, db: sqlite3.Connection, start: int, most: int) -> list[tuple[Any, ...]]:
        """At most so many rows, from the place `start` on."""
        statement, values = self.select(self.cells, f"ORDER BY {self.order} LIMIT ? OFFSET ?" if self.order else _CUT)
        return self.fetch(db, statement, (*values, *self.ordered_by, most, start))

    def count(self, db: sqlite3.Connection) -> int:
        return self.fetch(db, *self.select("count(*)"))[0][0]

    def counted(self, db: sqlite3.Connection, column: str, start: int, most: int) -> list[tuple[Any, ...]]:
        """Values of a column and how many rows hold each, the most frequent first; cut as a window."""
        name = self.named(column)
        groups = f"GROUP BY 1 ORDER BY 2 DESC, {name} IS NULL, {name} {_CUT}"
        statement, values = self.select(f"{self.cell(column)}, count(*)", groups)
        return self.fetch(db, statement, (*values, most, start))

    def kinds(self, db: sqlite3.Connection, column: str) -> int:
        """How many different values a column has, empty ones included."""
        statement, values = self.select(f"DISTINCT {self.named(column)}")
        return self.fetch(db, f"SELECT count(*) FROM ({statement})", values)[0][0]

    def each(self, db: sqlite3.Connection, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        """Some columns of all rows, as they are taken."""
        names = ", ".join(map(self.named, columns))
        statement, values = self.select(names, f"ORDER BY {self.order}" if self.order else "")
        with self.asking(db):
            rows = db.execute(statement, (*values, *self.ordered_by))
            rows.row_factory = None
            yield from rows

    @property
    def cells(self) -> str:
        return ", ".join(map(self.cell, self.names))

    def named(self, column: str) -> str:
        """SQL: a column."""
        return column

    def cell(self, column: str) -> str:
        """SQL: what is read of it."""
        return self.named(column)

    def select(self, what: str, rest: str = "") -> tuple[str, tuple[Any, ...]]:
        """A statement on the rows that are kept, and its values but for those of `rest`."""
        raise NotImplementedError

    def fetch(self, db: sqlite3.Connection, statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        with self.asking(db):
            rows = db.execute(statement, tuple(values))
            rows.row_factory = None
            return rows.fetchall()

    @contextmanager
    def asking(self, db: sqlite3.Connection) -> Iterator[None]:
        """The connection knows `keeps` meanwhile."""
        faults: list[Exception] = []

        def kept(*cells: Any) -> bool:
            assert self.keeps
            try:
                return self.keeps(cells)
            except Exception as fault:
                faults.append(fault)
                raise

        if self.keeps:
            db.create_function(_KEPT, -1, kept)
        try:
            yield
        except sqlite3.OperationalError:
            if faults:
                raise faults[0] from None
            raise

    @property
    def condition(self) -> str:
        """SQL: that a row is kept."""
        return f"{_KEPT}({self.cells})" if self.keeps else ""


_CUT = "LIMIT ? OFFSET ?"


class ViewTable(Table):
    """Rows of a view, filtered by equality and as they are wanted.

    Args:
        keeps: which of them are kept besides.
    """

    def __init__(
        self,
        which: View,
        filters: dict[str, Any] | None = None,
        wanted: Arrangement = EVERYTHING,
        keeps: Keeps | None = None,
    ) -> None:
        self.names, self.keeps = [column.name for column in which.columns], keeps
        self.order, self.ordered_by = f"{wanted.first}{which.order}", tuple(wanted.ranked)
        self._asked = Asked(which, filters or {}, {}, wanted, self.condition)
        self._by_result = bool(which.leading and not wanted.first)

    def window(self, db: sqlite3.Connection, start: int, most: int) -> list[tuple[Any, ...]]:
        if start or not self._by_result:
            return super().window(db, start, most)
        parts = self._asked.parts(db, by_result=True)
        with self.asking(db):
            rows = list(islice(chain.from_iterable(parts), most))
        parts.close()
        return rows

    def select(self, what: str, rest: str = "") -> tuple[str, tuple[Any, ...]]:
        return self._asked.select(what, rest)
