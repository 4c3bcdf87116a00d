"""The rows of any view, by equality of its columns, and by which of several results is shown; all statements of a
question read one state of the store, and a sign says that it is no longer the newest.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
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

    def all(self, db: sqlite3.Connection) -> sqlite3.Cursor:
        return self._rows(db, self.narrow)

    def parts(self, db: sqlite3.Connection, by_result: bool) -> Iterator[sqlite3.Cursor]:
        with snapshot(db):
            for rows in self._by_result(db) if by_result else [self._rows(db, self.narrow)]:
                rows.row_factory = None
                yield rows

    def _by_result(self, db: sqlite3.Connection) -> Iterator[sqlite3.Cursor]:
        """The rows of each result that is shown, one after the other."""
        of_result = self.which.leading.split(", ")
        leading = {name: value for name, value in self.filters.items() if name in of_result}
        within = {name: value for name, value in self.filters.items() if name not in of_result}
        shown = self.which.results(self._kinds(self.narrow), _equal(leading), " AND ".join(self.at))
        where = " AND ".join(filter(None, [_equal(within), self.wanted.condition]))
        statement = of_results(self.which, "result.id = ?", where, self.wanted.columns)
        for (result,) in db.execute(shown, (*self.narrow.values(), *self.at.values(), *leading.values())):
            yield db.execute(statement, (result, *within.values(), *self.wanted.values))

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


def of_results(which: View, results: str, where: str = "", columns: Sequence[str] = ()) -> str:
    """SQL: the rows of results that are known to be shown, in the view's order within a result. Nothing is chosen among
    results, and the rows of one come as they lie, where that is their order.

    Args:
        results: SQL, which they are.
        where: SQL, which of their rows are wanted.
        columns: what of them; none given: all.
    """
    names = ", ".join(columns or (column.name for column in which.columns))
    order = which.order.removeprefix(f"{which.leading}, ")
    shown = "SELECT result.*, task.name AS task, task.metric AS metric FROM result LEFT JOIN task ON task.id = task_id"
    rows = f"SELECT {names} FROM ({which.body}) {where and f'WHERE {where} '}ORDER BY {order}"
    return f"WITH shown_result AS ({shown} WHERE {results}) {rows}"


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
