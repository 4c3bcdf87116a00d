"""Any view as CSV, JSON, JSON lines or Markdown: equal results give equal bytes.

CSV is one header row and rows (RFC 4180), without comments, times, run numbers or paths. Text that a spreadsheet
would run as a formula gets a leading apostrophe; numbers never do. An empty cell is NULL. Markdown is for reading: its
cells are shown as they are, none is taken for markup. JSON has no infinity: such a number is the text `inf` or `-inf`.
"""

import csv
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from io import StringIO
from itertools import chain, islice
from math import isfinite
from typing import Any

from circuit_store import queries
from circuit_store.display_text import UNREADABLE, as_json, cell, plain, said
from circuit_store.transactions import snapshot
from circuit_store.views import View

FORMATS = ("csv", "jsonl", "markdown")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_MARKUP = re.compile(r"[\\|`*<\[&~$]|(?<![^\W_])_|_(?![^\W_])")
"""What Markdown takes for markup; an underscore does not begin any within a word."""
_HALF = re.compile("[\ud800-\udfff]")
Found = list[dict[str, Any]]

Cells = Sequence[Any]
_PIECE = 1000
"""Rows that are written together."""
_TEXT = {str, bytes}


def text(rows: Iterable[Mapping[str, Any]], columns: Sequence[str], kind: str = "csv", raw: bool = False) -> str:
    """Rows as text that UTF-8 can encode; `raw` leaves formulas as they are."""
    return "".join(lines(([row[c] for c in columns] for row in rows), columns, kind, raw))


def lines(rows: Iterable[Cells], columns: Sequence[str], kind: str = "csv", raw: bool = False) -> Iterator[str]:
    """The text in pieces of so many whole lines that it is never held as a whole; half a character (a lone surrogate)
    is �.

    Args:
        rows: of each the values of `columns`, in their order.
    """
    if kind == "csv":
        pieces = chain([_csv([columns])], (_csv(_harmless(piece, raw)) for piece in _pieces(rows)))
    elif kind == "jsonl":
        pieces = ("\n".join([*found, ""]) for found in _objects(rows, columns, "{%s}", ", "))
    else:
        pieces = chain([_table([columns, ["---"] * len(columns)])], map(_markdown, _pieces(rows)))
    return (piece if piece.isascii() else _HALF.sub(UNREADABLE, piece) for piece in pieces)


def document(db: sqlite3.Connection, which: View, filters: dict[str, Any], choices: dict[str, Any]) -> Iterator[str]:
    """What `--json` prints, in pieces: view, filters, header fields if it is of exactly one thing, and the rows;
    of one state of the store.
    """
    with snapshot(db):
        header = _header(db, which, filters, choices)
        shown = {"view": which.name, "filters": {**filters, **choices}}
        around = as_json(shown | (header[0] if len(header) == 1 else {}) | {"rows": []}, indent=1)
        yield around.removesuffix("]\n}")
        columns, end = [column.name for column in which.columns], ""
        for found in _objects(queries.found(db, which, filters, choices), columns, "\n  {\n   %s\n  }", ",\n   "):
            yield end + ",".join(found)
            end = ","
        yield "\n ]\n}\n" if end else "]\n}\n"


def whole(db: sqlite3.Connection, which: View, filters: dict[str, Any], choices: dict[str, Any]) -> tuple[Found, Found]:
    """The header's rows, none if the view has no header, and the view's, of one state of the store."""
    with snapshot(db):
        return _header(db, which, filters, choices), queries.rows(db, which, filters, choices)


def _header(db: sqlite3.Connection, which: View, filters: dict[str, Any], choices: dict[str, Any]) -> Found:
    return queries.rows(db, which.header, filters, choices) if which.header is not None else []


def _pieces(rows: Iterable[Cells]) -> Iterator[list[Cells]]:
    rows = iter(rows)
    while piece := list(islice(rows, _PIECE)):
        yield piece


def _csv(rows: Iterable[Cells]) -> str:
    file = StringIO(newline="")
    csv.writer(file, lineterminator="\r\n").writerows(rows)
    return file.getvalue()


def _harmless(piece: list[Cells], raw: bool) -> Iterable[Cells]:
    """Text that a spreadsheet would run is led by an apostrophe, unless it is to stay as it is."""
    columns = list(zip(*piece, strict=True))
    changed = {place: new for place, column in enumerate(columns) if (new := _led(column, raw))}
    return zip(*(changed.get(place, column) for place, column in enumerate(columns)), strict=True) if changed else piece


def _led(column: Cells, raw: bool) -> Cells | None:
    """A column with what changes in it; None if nothing does."""
    texts = {value: str(cell(value)) for value in _texts(column)}
    led = {value: "'" + text if text.startswith(_FORMULA) and not raw else text for value, text in texts.items()}
    return None if all(value == text for value, text in led.items()) else [led.get(value, value) for value in column]


def _objects(rows: Iterable[Cells], columns: Sequence[str], form: str, between: str) -> Iterator[list[str]]:
    """Piece by piece, a JSON object for each row, in a form and with something between its items."""
    names = list(dict.fromkeys(columns))
    form %= between.join(f"{as_json(name)}: %s" for name in names)
    for piece in _pieces(rows):
        found = dict(zip(columns, zip(*piece, strict=True), strict=True))
        yield [form % cells for cells in zip(*(_worded(found[name], as_json, _number) for name in names), strict=True)]


def _number(value: float | None) -> str:
    """As JSON has it."""
    return "null" if value is None else repr(value) if isfinite(value) else as_json(value)


def _markdown(piece: list[Cells]) -> str:
    """One line of a table for each row; line breaks become spaces, what would be markup gets a backslash."""
    return _table(zip(*(_worded(column, _unmarked, said) for column in zip(*piece, strict=True)), strict=True))


def _table(rows: Iterable[Sequence[str]]) -> str:
    return "".join(f"| {' | '.join(cells)} |\n" for cells in rows)


def _unmarked(text: str) -> str:
    return _MARKUP.sub(r"\\\g<0>", plain(" ".join(text.splitlines())))


def _worded(column: Cells, text: Callable[[str], str], other: Callable[[Any], str]) -> list[str]:
    """A column as text; each of its texts is put into words once, since most stand in many rows."""
    known = {value: text(str(cell(value))) for value in _texts(column)}
    return [known[value] if type(value) in _TEXT else other(value) for value in column]


def _texts(column: Cells) -> set[str | bytes]:
    return {value for value in set(column) if type(value) in _TEXT} if _TEXT & set(map(type, column)) else set()
