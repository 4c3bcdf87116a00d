"""Rows of a view, kept and ordered as the options of `export` say: by the commands, by lists and
tables of the explorer.

`COLUMN=VALUE` compares the text that a reader sees, `>` and `<` numbers; see `circuit_store.queries.arrangement`.
"""

import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from circuit_core.bounded_regex import Pattern
from circuit_store import queries
from circuit_store.display_text import said
from circuit_store.errors import UnknownName
from circuit_store.queries.arrangement import OPERATORS

if TYPE_CHECKING:
    from circuit_store.views import View

Row = dict[str, Any]
Options = Mapping[str, Sequence[str]]
_CONDITION = re.compile(rf"(\w+)({'|'.join((*OPERATORS, '='))})(.*)", re.DOTALL)
_KNOWN = 10_000
"""Texts of which it is remembered whether they match."""


def kept(
    db: sqlite3.Connection,
    which: "View",
    filters: Row | None,
    choices: Row | None,
    options: Options,
    columns: Sequence[str] = (),
) -> Iterator[Sequence[Any]]:
    """The rows that all of `where` and `grep` leave (with `invert`, that `grep` would leave out), as `sort` orders them
    (the options of `export`, each a list): of each the values of `columns`, or of all.

    Raises:
        ValueError, UnknownName: an option without sense for the view.
        BadPattern: not a regular expression, or one that takes too long; the latter as rows are taken.
    """
    names = [column.name for column in which.columns]
    for column in columns:
        column_of(which, column)
    wanted, keeps = arrangement(names, options, which.name, () if options.get("grep") else columns), matching(options)
    rows: Iterator[Sequence[Any]] = queries.streamed(db, which, filters, choices, wanted)
    if keeps is None:
        return rows
    rows = filter(keeps, rows)
    places = [names.index(name) for name in columns]
    return ([row[place] for place in places] for row in rows) if columns else rows


def arrangement(
    names: Sequence[str], options: Options, of: str, columns: Sequence[str] = (), quoted: Callable[[str], str] = str
) -> queries.Arrangement:
    """What `where` and `sort` say of the columns of `of`, which `quoted` writes as SQL has them.

    Raises:
        ValueError, UnknownName: an option without sense.
    """
    where: dict[str, list[str]] = {}
    bounds, sort = [], []
    for condition in options.get("where", ()):
        given = _CONDITION.fullmatch(condition)
        if given is None:
            raise ValueError(f"--where {condition}: give COLUMN=VALUE.")
        column, operator, value = quoted(_one_of(names, given[1], of)), given[2], given[3]
        if operator == "=":
            where.setdefault(column, []).append(value)
        else:
            bounds.append((column, operator, value))
    for name in options.get("sort", ()):
        column = name.removeprefix("-")
        sort.append("-" * (name != column) + quoted(_one_of(names, column, of)))
    return queries.Arrangement(where, sort, columns, bounds)


def matching(options: Options) -> Callable[[Sequence[Any]], bool] | None:
    """Whether `grep` and `invert` keep a row; None: all are kept. Raises: BadPattern."""
    patterns = [Pattern(text, "--grep").search for text in options.get("grep", ())]
    if not patterns:
        return None
    inverted, known = bool(options.get("invert")), dict[str, bool]()

    def keeps(row: Sequence[Any]) -> bool:
        return all(any(_matches(search, v, known if len(patterns) == 1 else {}) for v in row) for search in patterns)

    return (lambda row: not keeps(row)) if inverted else keeps


def _matches(search: Callable[[str], Any], value: Any, known: dict[str, bool]) -> bool:
    """Most texts stand in many rows, each is searched once."""
    if value is None:
        return False
    text = said(value)
    if not isinstance(value, str):
        return bool(search(text))
    if text not in known:
        if len(known) >= _KNOWN:
            known.clear()
        known[text] = bool(search(text))
    return known[text]


def ordered(rows: Iterable[Row], column: str, backwards: bool = False) -> list[Row]:
    """Rows that are there already, as `sort` orders those of the store: numbers before text, what is empty last."""
    rows = list(rows)
    known = [row for row in rows if row[column] is not None]
    known.sort(key=lambda row: (isinstance(row[column], str), row[column]), reverse=backwards)
    return known + [row for row in rows if row[column] is None]


def column_of(which: "View", name: str) -> str:
    """The name. Raises: UnknownName."""
    return _one_of([c.name for c in which.columns], name, which.name)


def _one_of(names: Sequence[str], name: str, of: str) -> str:
    if name not in names:
        raise UnknownName(f"The view {of} has no column {name}: it has {', '.join(names)}.")
    return name
