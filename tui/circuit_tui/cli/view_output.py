"""Print or write a view of the store: `show` and `export`."""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from circuit_core import untrusted_files
from circuit_core.bounded_regex import Pattern
from circuit_store import addresses, queries
from circuit_store import export as files
from circuit_store.display_text import plain
from circuit_store.errors import UnknownName
from circuit_store.store import open_to_read
from circuit_store.views import View
from circuit_tui import command_output
from circuit_tui.terminal import console

Row = dict[str, Any]
FILTERS = ("task", "role", "layer", "head")
HELD = {"task": queries.all_tasks, "role": queries.roles}


def show(
    store: Path,
    name: str,
    address: str | None,
    narrow: dict[str, Any],
    kind: str,
    more: dict[str, Any] | None = None,
) -> None:
    """Print a view; `more` are further columns by which it is addressed."""
    which = queries.view(name)
    db = open_to_read(store)
    filters, choices = _narrowed(db, which, address, narrow)
    filters |= more or {}
    if kind == "json":
        console.document(files.document(db, which, filters, choices), indent=1)
        return
    header, rows = files.whole(db, which, filters, choices)
    columns = [c.name for c in which.columns]
    if kind == "csv":
        with command_output.to(None, store) as file:
            file.writelines(map(str.encode, files.lines(rows, columns)))
        return
    for line in header:
        console.shown(", ".join(f"{k} {_short(v)}" for k, v in line.items() if v is not None))
    console.shown(table(rows, columns), end="")


def export(store: Path, name: str, address: str | None, output: Path | None, options: dict[str, Any]) -> None:
    which = queries.view(name)
    db = open_to_read(store)
    filters, choices = _narrowed(db, which, address, options)
    columns = _columns(which, options["columns"])
    given = {name: [options[name]] if options[name] else [] for name in ("grep", "sort")}
    rows = kept(queries.each(db, which, filters, choices), which, {"where": options["where"], **given})
    text = [untrusted_files.place(options["text"])] if options["text"] else []
    with command_output.to(output, store, *filter(Path.is_file, text)) as file:
        file.writelines(map(str.encode, files.lines(rows, columns, options["kind"], options["raw"])))


def _narrowed(
    db: sqlite3.Connection, which: View, address: str | None, narrow: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Filters and choices of an address and options. Raises: UnknownName."""
    filters: dict[str, Any] = {}
    if address:
        model, _, step = address.partition("@")
        if not model:
            raise UnknownName(f"{address} names no model: give MODEL or MODEL@STEP.")
        addresses.check_model(db, model)
        filters["model"] = model
        if step:
            queries.takes(which, "step")
            filters["step"] = addresses.resolve_step(db, model, step)
    for column in FILTERS:
        if narrow.get(column) is not None:
            queries.takes(which, column)
            _held(db, column, narrow[column], filters.get("model"))
            filters[column] = narrow[column]
    choices = {c: narrow[c] for c in addresses.CHOICES if narrow.get(c) is not None}
    if "text" in choices:
        choices["text"] = _text(db, choices["text"])
    for choice, value in choices.items():
        _one_of(choice.replace("_", "-"), value, addresses.chosen(db, choice))
    return filters, choices


def _text(db: sqlite3.Connection, given: str) -> str:
    """The hash of a text that is given by its file, or by how the hash begins. Raises: CircuitError, UnknownName."""
    from circuit_core import untrusted_files
    from circuit_sweep.planning import texts

    path = untrusted_files.place(given)
    return addresses.text_named(db, texts.read(path).hash if untrusted_files.there(path) else given)


def _held(db: sqlite3.Connection, column: str, value: Any, model: str | None) -> None:
    """Raises: UnknownName, if the store has no such task, role, layer or head at all."""
    if column in HELD:
        _one_of(column, value, HELD[column](db, model), f" of {model}" if model else "")
    elif value not in range(addresses.most(db, column, model)):
        raise UnknownName(
            f"There is no {column} {value}: there are {addresses.most(db, column, model)}, counted from 0."
        )


def _one_of(kind: str, value: Any, held: list[Any], of: str = "") -> None:
    """Raises: UnknownName."""
    if value not in held:
        there = ", ".join(map(str, held)) or "none yet"
        raise UnknownName(f"The store holds no {kind} {value}{of}: it holds {there}.")


def _columns(which: View, listed: str | None) -> list[str]:
    there = [c.name for c in which.columns]
    if listed is None:
        return there
    wanted = [c.strip() for c in listed.split(",")]
    for column in wanted:
        _column(which, column)
    return wanted


def _column(which: View, name: str) -> str:
    there = [c.name for c in which.columns]
    if name not in there:
        raise UnknownName(f"The view {which.name} has no column {name}: it has {', '.join(there)}.")
    return name


def kept(rows: Iterable[Row], which: View, options: Mapping[str, Sequence[str]]) -> Iterable[Row]:
    """The rows that all of `where` and `grep` leave, as `sort` orders them: the options of `export`, each a list.

    Raises:
        ValueError, UnknownName: an option without sense for the view.
        BadPattern: an expression that is none, or takes too long; the latter as rows are taken.
    """
    wanted: dict[str, list[str]] = {}
    for condition in options.get("where", ()):
        column, equals, value = condition.partition("=")
        if not equals:
            raise ValueError(f"--where {condition}: give COLUMN=VALUE.")
        wanted.setdefault(_column(which, column), []).append(value)
    for column, values in wanted.items():
        rows = [r for r in rows if _word(r[column]) in values]
        rows.sort(key=lambda r, column=column, values=values: values.index(_word(r[column])))
    for expression in [Pattern(text, "--grep") for text in options.get("grep", ())]:
        rows = filter(partial(_matches, expression), rows)
    for sort in options.get("sort", ()):
        rows = ordered(rows, _column(which, sort.removeprefix("-")), sort.startswith("-"))
    return rows


def _matches(expression: Pattern, row: Row) -> bool:
    return any(expression.search(str(value)) for value in row.values() if value is not None)


def ordered(rows: Iterable[Row], column: str, backwards: bool = False) -> list[Row]:
    """By a column, numbers before text as in SQLite; rows without a value come last either way."""
    rows = list(rows)
    known = [row for row in rows if row[column] is not None]
    known.sort(key=lambda row: (isinstance(row[column], str), row[column]), reverse=backwards)
    return known + [row for row in rows if row[column] is None]


def _word(value: Any) -> str:
    """As `--where` names it."""
    return "" if value is None else str(value)


def table(rows: list[dict[str, Any]], columns: list[str] | None) -> str:
    """Rows as aligned text; numbers are right-aligned, empty cells are a dot."""
    columns = columns or list(dict.fromkeys(k for r in rows for k in r))
    cells = [[_short(row.get(c)) for c in columns] for row in rows]
    widths = [max(len(line[i]) for line in [columns, *cells]) for i in range(len(columns))]
    right = [all(isinstance(r.get(c), int | float | None) for r in rows) for c in columns]
    lines = [
        "  ".join(x.rjust(w) if r else x.ljust(w) for x, w, r in zip(line, widths, right, strict=True)).rstrip()
        for line in [columns, *cells]
    ]
    return "\n".join(lines) + "\n"


def _short(value: Any) -> str:
    if value is None:
        return "·"
    if isinstance(value, float):
        return f"{value:.4g}"
    return plain(str(value))
