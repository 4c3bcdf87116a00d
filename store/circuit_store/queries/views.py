"""The rows of any view, by equality of its columns, and by which of several results is shown; all statements of a
question read one state of the store, and a sign says that it is no longer the newest.
"""

import sqlite3
from collections.abc import Callable, Iterator
from functools import wraps
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
    return list(each(db, which, filters, choices))


def each(
    db: sqlite3.Connection, which: View, filters: dict[str, Any] | None = None, choices: dict[str, Any] | None = None
) -> Iterator[dict[str, Any]]:
    """The rows of a view for a reader, one by one (`found`); bytes in them are the text that they spell."""
    names = [column.name for column in which.columns]
    return (dict(zip(names, map(cell, row), strict=True)) for row in found(db, which, filters, choices))


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
    filters, choices = filters or {}, {k: v for k, v in (choices or {}).items() if v is not None}
    if not which.of_results:
        for choice in choices:
            takes(which, choice)
        filters, choices = filters | choices, {}
    narrow, at = {CHOICES[choice]: value for choice, value in choices.items()}, {}
    if which.of_results:
        known = {column: value for column, value in filters.items() if value is not None}
        about = {column: value for column, value in wanted.single.items() if column in which.filters} | known
        narrow |= {_ABOUT[column]: about[column] for column in _ABOUT.keys() & about}
        at = {AT_STEP: known["step"]} if "step" in known else {}
    equal = [f"{column} {'IS' if value is None else '='} ?" for column, value in filters.items()]
    where = " AND ".join([*equal, *filter(None, [wanted.condition])])
    named = ", ".join(f"'{analysis}'" for analysis in which.analyses)
    kinds = " AND ".join([*narrow, *([f"analysis IN ({named})"] if named else [])])
    statement = which.statement(kinds, where, " AND ".join(at), wanted.first, wanted.columns)
    return db.execute(statement, (*narrow.values(), *at.values(), *filters.values(), *wanted.values, *wanted.ranked))


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
