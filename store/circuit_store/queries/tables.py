"""What a table on a screen asks: some of its rows, how many there are, and how many hold each value of a column.

A window is read by a statement that gives its rows and no others; nothing is held of the rest. Where results lie
together in the view's own order (`View.leading`) and that order stands, a window is read from the results that it
touches; else one beyond the middle is read from the end.
"""

import sqlite3
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate, chain, islice
from typing import Any

from circuit_store.queries.arrangement import EVERYTHING, Arrangement
from circuit_store.queries.views import Asked
from circuit_store.views import View
from circuit_store.views.view import OF_RESULT

Keeps = Callable[[Sequence[Any]], bool]
"""Whether a row is kept, by its cells."""
_KEPT = "kept"


@dataclass(frozen=True)
class Extent:
    """How many rows there are."""

    total: int
    results: Sequence[int] = ()
    """That the rows are of, in their order, if they are read result by result."""
    ends: Sequence[int] = ()
    """Of each the place after its last row."""


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

    def window(
        self, db: sqlite3.Connection, start: int, most: int, extent: Extent | None = None
    ) -> list[tuple[Any, ...]]:
        """At most so many rows, from the place `start` on; sooner where it is known how many there are."""
        return self._cut(db, self.order, start, most)

    def _cut(self, db: sqlite3.Connection, order: str, start: int, most: int) -> list[tuple[Any, ...]]:
        statement, values = self.select(self.cells, f"ORDER BY {order} {_CUT}" if order else _CUT)
        return self.fetch(db, statement, (*values, *self.ordered_by, most, start))

    def extent(self, db: sqlite3.Connection) -> Extent:
        return Extent(self.fetch(db, *self.select("count(*)"))[0][0])

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
        names = ", ".join(map(self.whole, columns))
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

    def whole(self, column: str) -> str:
        """SQL: what is written of it."""
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
        self._backwards = f"{wanted.ordered(reverse=True)}{_reverse(which.order)}"
        self._asked = Asked(which, filters or {}, {}, wanted, self.condition)
        self._by_result = bool(which.leading and not wanted.first)

    def window(
        self, db: sqlite3.Connection, start: int, most: int, extent: Extent | None = None
    ) -> list[tuple[Any, ...]]:
        if self._by_result and (not start or extent):
            return self._of_results(db, start, most, extent or Extent(0))
        if extent and start > extent.total / 2:
            most = max(0, min(most, extent.total - start))
            return self._cut(db, self._backwards, extent.total - start - most, most)[::-1]
        return super().window(db, start, most)

    def _of_results(self, db: sqlite3.Connection, start: int, most: int, extent: Extent) -> list[tuple[Any, ...]]:
        """From the results that hold the window."""
        first = bisect_right(extent.ends, start)
        if start >= extent.total and start:
            return []
        before = extent.ends[first - 1] if first else 0
        parts = self._asked.parts(db, True, extent.results[first:])
        with self.asking(db):
            rows = list(islice(chain.from_iterable(parts), start - before, start - before + most))
        parts.close()
        return rows

    def extent(self, db: sqlite3.Connection) -> Extent:
        if not self._by_result:
            return super().extent(db)
        sizes = dict(self.fetch(db, *self.select(f"{OF_RESULT}, count(*)", "GROUP BY 1")))
        results = [result for result in self._asked.results(db) if result in sizes]
        return Extent(sum(sizes.values()), results, list(accumulate(sizes[result] for result in results)))

    def select(self, what: str, rest: str = "") -> tuple[str, tuple[Any, ...]]:
        return self._asked.select(what, rest)


def _reverse(order: str) -> str:
    """SQL: the order of a view from its end."""
    terms = order.split(", ")
    return ", ".join(term.removesuffix(" DESC") if term.endswith(" DESC") else f"{term} DESC" for term in terms)
