"""Rows of a view, kept and ordered as the options of `export` say: by the commands, and by lists of the explorer."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from circuit_core.bounded_regex import Pattern
from circuit_store import queries
from circuit_store.display_text import said
from circuit_store.errors import UnknownName

if TYPE_CHECKING:
    from circuit_store.views import View

Row = dict[str, Any]
Options = Mapping[str, Sequence[str]]


def kept(
    db: sqlite3.Connection,
    which: "View",
    filters: Row | None,
    choices: Row | None,
    options: Options,
    columns: Sequence[str] = (),
) -> Iterator[Sequence[Any]]:
    """The rows that all of `where` and `grep` leave, as `sort` orders them (the options of `export`, each a list): of
    each the values of `columns`, or of all.

    Raises:
        ValueError, UnknownName: an option without sense for the view.
        BadPattern: not a regular expression, or one that takes too long; the latter as rows are taken.
    """
    names = [column.name for column in which.columns]
    where: dict[str, list[str]] = {}
    for condition in options.get("where", ()):
        column, equals, value = condition.partition("=")
        if not equals:
            raise ValueError(f"--where {condition}: give COLUMN=VALUE.")
        where.setdefault(column_of(which, column), []).append(value)
    sort = options.get("sort", ())
    for name in (*(sort.removeprefix("-") for sort in sort), *columns):
        column_of(which, name)
    patterns = [Pattern(text, "--grep").search for text in options.get("grep", ())]
    wanted = queries.Arrangement(where, sort, () if patterns else columns)
    rows: Iterator[Sequence[Any]] = queries.streamed(db, which, filters, choices, wanted)
    for search in patterns:
        rows = filter(lambda row, search=search: any(search(said(v)) for v in row if v is not None), rows)
    places = [names.index(name) for name in columns]
    return ([row[place] for place in places] for row in rows) if patterns and columns else rows


def ordered(rows: Iterable[Row], column: str, backwards: bool = False) -> list[Row]:
    """Rows that are there already, as `sort` orders those of the store: numbers before text, what is empty last."""
    rows = list(rows)
    known = [row for row in rows if row[column] is not None]
    known.sort(key=lambda row: (isinstance(row[column], str), row[column]), reverse=backwards)
    return known + [row for row in rows if row[column] is None]


def column_of(which: "View", name: str) -> str:
    """The name. Raises: UnknownName."""
    there = [c.name for c in which.columns]
    if name not in there:
        raise UnknownName(f"The view {which.name} has no column {name}: it has {', '.join(there)}.")
    return name
