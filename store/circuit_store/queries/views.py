"""The rows of any view, by equality of its columns, and by which of several results is shown; all statements of a
question read one state of the store, and a sign says that it is no longer the newest.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from itertools import chain
from typing import Any, Concatenate, ParamSpec, TypeVar

from circuit_store.addresses import CHOICES
from circuit_store.display_text import cell
from circuit_store.errors import UnknownName
from circuit_store.queries.arrangement import EVERYTHING, Arrangement
from circuit_store.transactions import snapshot
from circuit_store.views import VIEWS, View
from circuit_store.views.view import AT_STEP, OF_MODEL

_ABOUT = {"model": OF_MODEL, "task": "task.name = ?", "role": "role = ?"}
"""What a question is about: other results than those need not be looked at to know which of them are shown."""

P = ParamSpec("P")
T = TypeVar("T")
Question = Callable[Concatenate[sqlite3.Connection, P], T]


def view(name: str) -> View:
    """Raises: UnknownName."""
    if name not in VIEWS:
        raise UnknownName(f"There is no view {name}: choose one of {', '.join(VIEWS)}.")
    return VIEWS[name]


def takes(which: View, column: str) -> None:
    """Raises: UnknownName, if the view is not addressed by that column."""
    if column not in which.filters:
        raise UnknownName(f"The view {which.name} is not addressed by {column}: it takes {', '.join(which.filters)}.")


def rows(
    db: sqlite3.Connection, which: View, filters: dict[str, Any] | None = None, choices: dict[str, Any] | None = None
) -> list[dict[str, Any]]:
    """All rows of a view, as `each` gives them."""
    return list(_named(which, found(db, which, filters, choices)))


def each(
    db: sqlite3.Connection, which: View, filters: dict[str, Any] | None = None, choices: dict[str, Any] | None = None
) -> Iterator[dict[str, Any]]:
    """The rows of a view for a reader, one by one (`streamed`); bytes in them are the text that they spell."""
    return _named(which, streamed(db, which, filters, choices))


def _named(which: View, rows: Iterable[Iterable[Any]]) -> Iterator[dict[str, Any]]:
    names = [column.name for column in which.columns]
    return (dict(zip(names, map(cell, row), strict=True)) for row in rows)


def found(
    db: sqlite3.Connection,
    which: View,
    filters: dict[str, Any] | None = None,
    choices: dict[str, Any] | None = None,
    wanted: Arrangement = EVERYTHING,
) -> sqlite3.Cursor:
    """The rows of a view, filtered by equality (None: empty), as they are wanted; else all columns in the view's order.

    Where rows are not of results, a choice is a filter like others.

    Raises:
        UnknownName: a choice that means nothing to this view.
    """
    return _Asked(which, filters or {}, choices or {}, wanted).all(db)


def of_result(db: sqlite3.Connection, which: View, result: int, wanted: Arrangement = EVERYTHING) -> sqlite3.Cursor:
    """As `found`, of one result that is known to be shown: which others there are need not be looked at again."""
    return _Asked(which, {}, {}, wanted).all(db, {"result.id = ?": result})


def streamed(
    db: sqlite3.Connection,
    which: View,
    filters: dict[str, Any] | None = None,
    choices: dict[str, Any] | None = None,
    wanted: Arrangement = EVERYTHING,
) -> Iterator[tuple[Any, ...]]:
    """As `found`, for many rows: read as they are taken, of one state of the store, and where the view's order allows
    it (`View.leading`) result by result.
    """
    asked = _Asked(which, filters or {}, choices or {}, wanted)
    return chain.from_iterable(asked.parts(db, by_result=bool(which.leading and not wanted.first)))


class _Asked:
    """What is asked of a view, as parts of its statements.

    Raises:
        UnknownName: a choice that means nothing to this view.
    """

    def __init__(self, which: View, filters: dict[str, Any], choices: dict[str, Any], wanted: Arrangement):
        choices = {k: v for k, v in choices.items() if v is not None}
        if not which.of_results:
            for choice in choices:
                takes(which, choice)
            filters, choices = filters | choices, {}
        self.which, self.filters, self.wanted = which, filters, wanted
        self.narrow, self.at = {CHOICES[choice]: value for choice, value in choices.items()}, dict[str, Any]()
        if which.of_results:
            known = {column: value for column, value in filters.items() if value is not None}
            about = {column: value for column, value in wanted.single.items() if column in which.filters} | known
            self.narrow |= {_ABOUT[column]: about[column] for column in _ABOUT.keys() & about}
            self.at = {AT_STEP: known["step"]} if "step" in known else {}

    def all(self, db: sqlite3.Connection, narrow: dict[str, Any] | None = None) -> sqlite3.Cursor:
        return self._rows(db, self.narrow if narrow is None else narrow)

    def parts(self, db: sqlite3.Connection, by_result: bool) -> Iterator[sqlite3.Cursor]:
        with snapshot(db):
            for one in self._results(db) if by_result else [{}]:
                rows = self._rows(db, {**one, **self.narrow})
                rows.row_factory = None
                yield rows

    def _results(self, db: sqlite3.Connection) -> Iterator[dict[str, Any]]:
        """Of each result that is shown, what narrows the rows to its own."""
        leading = {name: value for name, value in self.filters.items() if name in self.which.leading.split(", ")}
        statement = self.which.results(self._kinds(self.narrow), _equal(leading), " AND ".join(self.at))
        for (result,) in db.execute(statement, (*self.narrow.values(), *self.at.values(), *leading.values())):
            yield {"result.id = ?": result}

    def _rows(self, db: sqlite3.Connection, narrow: dict[str, Any]) -> sqlite3.Cursor:
        where = " AND ".join(filter(None, [_equal(self.filters), self.wanted.condition]))
        kinds, at = self._kinds(narrow), " AND ".join(self.at)
        statement = self.which.statement(kinds, where, at, self.wanted.first, self.wanted.columns)
        values = narrow.values(), self.at.values(), self.filters.values(), self.wanted.values, self.wanted.ranked
        return db.execute(statement, tuple(chain.from_iterable(values)))

    def _kinds(self, narrow: dict[str, Any]) -> str:
        """SQL: which results may be shown."""
        named = ", ".join(f"'{analysis}'" for analysis in self.which.analyses)
        return " AND ".join([*narrow, *([f"analysis IN ({named})"] if named else [])])


def _equal(filters: dict[str, Any]) -> str:
    return " AND ".join(f"{column} {'IS' if value is None else '='} ?" for column, value in filters.items())


def one_state(ask: Question[P, T]) -> Question[P, T]:
    """All statements of a question see the same store."""

    @wraps(ask)
    def asked(db: sqlite3.Connection, *args: P.args, **kwargs: P.kwargs) -> T:
        with snapshot(db):
            return ask(db, *args, **kwargs)

    return asked


def data_version(db: sqlite3.Connection) -> int:
    """Changes whenever another connection has written."""
    return db.execute("PRAGMA data_version").fetchone()[0]
