"""What the tables screen asks of the store: of which view or SELECT, filtered, ordered and narrowed how; and the rows.

The functions here run in the reader's threads. What is wrong with a question is an answer, too: `Refused`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from sqlite3 import Connection
from typing import Any

from circuit_core.bounded_regex import Pattern
from circuit_core.errors import BadPattern
from circuit_store import queries
from circuit_store.queries.arrangement import OPERATORS
from circuit_store.queries.statements import BadStatement, Statement
from circuit_store.queries.tables import Extent, Table, ViewTable
from circuit_tui.view_rows import arrangement, matching

PAGE = 200
"""Rows that are read together."""
PAGES = 5
"""Pages that are read together where all rows have to be gone through for one."""
_CONDITION = re.compile(rf'(?:^|(?<=\s))(\w+)({"|".join((*OPERATORS, "="))})("[^"]*"|\S*)')


@dataclass(frozen=True)
class Request:
    view: str = "heads"
    sql: str = ""
    """A SELECT in place of the view."""
    filters: tuple[tuple[str, Any], ...] = ()
    line: str = ""
    """The filter as it is typed; see `parsed`."""
    sort: str = ""
    """A column; with `-` before it if descending; none: the view's own order."""
    by: str = ""
    """A column whose values are counted."""


@dataclass(frozen=True)
class Refused:
    """Why there are no rows, in a sentence."""

    why: str


@dataclass(frozen=True)
class Window:
    """Some rows of a table."""

    request: Request
    names: tuple[str, ...]
    start: int
    rows: list[tuple[Any, ...]]


def parsed(line: str, names: Sequence[str]) -> dict[str, list[str]]:
    """The options of `export` that a filter's line says: `COLUMN>VALUE` and the like of its columns, and of all else
    one expression that some cell must match; `!` before it inverts, `-f` takes letters in their order.

    >>> parsed("value>0.5 role=induction ^a", ("role", "value"))
    {'where': ['value>0.5', 'role=induction'], 'grep': ['(?i)^a'], 'invert': []}
    """
    where = []
    for column, operator, value in _CONDITION.findall(line):
        if column in names:
            plain = value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value.replace("−", "-")
            where.append(f"{column}{operator}{plain}")
    rest = _CONDITION.sub(lambda found: "" if found[1] in names else found[0], line).strip()
    pattern = rest.removeprefix("!")
    if pattern == "-f" or pattern.startswith("-f "):
        pattern = ".*".join(re.escape(letter) for letter in pattern[2:].strip())
    grep = [f"(?i){_sound(pattern)}"] if pattern else []
    return {"where": where, "grep": grep, "invert": [""] if grep and rest.startswith("!") else []}


def _sound(pattern: str) -> str:
    """What is no expression, also because it is not typed to its end, is taken letter by letter."""
    try:
        Pattern(f"(?i){pattern}", "The filter")
        return pattern
    except BadPattern:
        return re.escape(pattern)


def options(request: Request, names: Sequence[str]) -> dict[str, list[str]]:
    """Those of `export` that keep and order the rows."""
    return {**parsed(request.line, names), "sort": [request.sort] if request.sort else []}


def table(db: Connection, request: Request) -> Table:
    """Raises: BadStatement."""
    if request.sql:
        found = Statement(request.sql, db)
        given = options(request, found.names)
        return found.narrowed(arrangement(found.names, given, "of this statement", (), found.named), matching(given))
    which = queries.view(request.view)
    names = [column.name for column in which.columns]
    given = options(request, names)
    return ViewTable(which, dict(request.filters), arrangement(names, given, which.name), matching(given))


def window(
    db: Connection, request: Request, start: int, extent: Extent | None = None, most: int = PAGE
) -> Window | Refused:
    """A page of rows, or several; counted values are rows, too. It is read sooner where the `extent` is known."""
    try:
        of = table(db, request)
        if request.by:
            return Window(request, (request.by, "rows"), start, of.counted(db, request.by, start, most))
        return Window(request, tuple(of.names), start, of.window(db, start, most, extent))
    except (BadStatement, BadPattern) as error:
        return Refused(str(error))


def extent(db: Connection, request: Request) -> Extent | Refused:
    """How many rows there are."""
    try:
        of = table(db, request)
        return Extent(of.kinds(db, request.by)) if request.by else of.extent(db)
    except (BadStatement, BadPattern) as error:
        return Refused(str(error))
