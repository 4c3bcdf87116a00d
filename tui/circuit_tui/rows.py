"""Rows of a view, kept and ordered as the options of `export` say: by the commands, and by lists of the explorer."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from circuit_core.bounded_regex import Pattern
from circuit_store.errors import UnknownName

if TYPE_CHECKING:
    from circuit_store.views import View

Row = dict[str, Any]


def kept(rows: Iterable[Row], which: "View", options: Mapping[str, Sequence[str]]) -> Iterable[Row]:
    """The rows that all of `where` and `grep` leave, as `sort` orders them: the options of `export`, each a list.

    Raises:
        ValueError, UnknownName: an option without sense for the view.
        BadPattern: not a regular expression, or one that takes too long; the latter as rows are taken.
    """
    wanted: dict[str, list[str]] = {}
    for condition in options.get("where", ()):
        column, equals, value = condition.partition("=")
        if not equals:
            raise ValueError(f"--where {condition}: give COLUMN=VALUE.")
        wanted.setdefault(column_of(which, column), []).append(value)
    for column, values in wanted.items():
        rows = [r for r in rows if _word(r[column]) in values]
        rows.sort(key=lambda r, column=column, values=values: values.index(_word(r[column])))
    for text in options.get("grep", ()):
        search = Pattern(text, "--grep").search
        rows = filter(lambda r, search=search: any(search(str(v)) for v in r.values() if v is not None), rows)
    for sort in options.get("sort", ()):
        rows = ordered(rows, column_of(which, sort.removeprefix("-")), sort.startswith("-"))
    return rows


def ordered(rows: Iterable[Row], column: str, backwards: bool = False) -> list[Row]:
    """By a column, numbers before text as in SQLite; rows without a value come last either way."""
    rows = list(rows)
    known = [row for row in rows if row[column] is not None]
    known.sort(key=lambda row: (isinstance(row[column], str), row[column]), reverse=backwards)
    return known + [row for row in rows if row[column] is None]


def _word(value: Any) -> str:
    """As `--where` names it."""
    return "" if value is None else str(value)


def column_of(which: "View", name: str) -> str:
    there = [c.name for c in which.columns]
    if name not in there:
        raise UnknownName(f"The view {which.name} has no column {name}: it has {', '.join(there)}.")
    return name
