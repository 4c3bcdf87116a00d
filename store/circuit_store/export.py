"""Any view as CSV, JSON, JSON lines or Markdown: equal results give equal bytes.

CSV is one header row and rows (RFC 4180), without comments, times, run numbers or paths. Text that a spreadsheet
would run as a formula gets a leading apostrophe; numbers never do. An empty cell is NULL. Markdown is for reading: its
cells are shown as they are, none is taken for markup. JSON has no infinity: such a number is the text `inf` or `-inf`.
"""

import csv
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import StringIO
from itertools import chain, islice
from math import isfinite
from typing import Any

from circuit_store import queries
from circuit_store.display_text import as_json, cell, encodable, plain, said
from circuit_store.transactions import snapshot
from circuit_store.views import View

FORMATS = ("csv", "jsonl", "markdown")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_MARKUP = re.compile(r"[\\|`*<\[&~$]|(?<![^\W_])_|_(?![^\W_])")
"""What Markdown takes for markup; an underscore does not begin any within a word."""
Found = list[dict[str, Any]]

Cells = Sequence[Any]
_PIECE = 1000
"""Rows that are put into words together."""
_KNOWN = 10_000
"""Texts that are remembered as they are written."""
_NUMBERS = {int, float}


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
        pieces = chain([_csv(columns)], _separated(rows, columns, raw))
    elif kind == "jsonl":
        pieces = _objects(rows, columns, "{", ", ", "}\n")
    else:
        head = (f"| {' | '.join(cells)} |\n" for cells in (columns, ["---"] * len(columns)))
        form = ["| ", *[" | "] * (len(columns) - 1), " |\n"]
        pieces = chain(head, _worded(rows, form, _unmarked, said))
    return map(encodable, pieces)


def document(db: sqlite3.Connection, which: View, filters: dict[str, Any], choices: dict[str, Any]) -> Iterator[str]:
    """What `--json` prints, in pieces: view, filters, header fields if it is of exactly one thing, and the rows;
    of one state of the store.
    """
    with snapshot(db):
        top = _header(db, which, filters, choices)
        shown = {"view": which.name, "filters": {**filters, **choices}}
        around = as_json(shown | (top[0] if len(top) == 1 else {}) | {"rows": []}, indent=1)
        yield around.removesuffix("]\n}")
        rows, columns = queries.streamed(db, which, filters, choices), [column.name for column in which.columns]
        pieces = _objects(rows, columns, ",\n  {\n   ", ",\n   ", "\n  }")
        first = next(pieces, "")
        yield from chain([first.removeprefix(",")], pieces, ["\n ]\n}\n" if first else "]\n}\n"])


@contextmanager
def whole(
    db: sqlite3.Connection, which: View, filters: dict[str, Any], choices: dict[str, Any]
) -> Iterator[tuple[Found, Iterator[dict[str, Any]]]]:
    """Rows of the view's header, if it has one, and of the view as they are taken; all of one state of the store."""
    with snapshot(db):
        yield _header(db, which, filters, choices), queries.each(db, which, filters, choices)


def _header(db: sqlite3.Connection, which: View, filters: dict[str, Any], choices: dict[str, Any]) -> Found:
    return queries.rows(db, which.header, filters, choices) if which.header is not None else []


def _worded(
    rows: Iterable[Cells], form: Sequence[str], text: Callable[[str], str], other: Callable[[float | None], str]
) -> Iterator[str]:
    """Rows, piece by piece and within it column by column: what all rows of a piece have alike is put into words once.

    Args:
        form: what stands before, between and after the cells of a row.
    """
    words = _Words(text, other)
    start, *ends = (part.replace("%", "%%") for part in form)
    for piece in _pieces(rows):
        row, differing = start, list[Cells]()
        for column, end in zip(zip(*piece, strict=True), ends, strict=True):
            if _alike(column):
                row += words[column[0]].replace("%", "%%") + end
            else:
                row += "%s" + end
                differing.append(words.of(column))
        yield row * len(piece) % tuple(chain.from_iterable(zip(*differing, strict=True)))


def _alike(column: Cells) -> bool:
    """Whether all cells are the same, and no fraction: 0.0 is -0.0, and is not written so."""
    kind = type(column[0])
    return kind is not float and column.count(column[0]) == len(column) and set(map(type, column)) == {kind}


class _Words(dict[Any, str]):
    """How values are written. Each text is put into words once, since most stand in many rows; numbers are written as
    they come.
    """

    def __init__(self, text: Callable[[str], str], other: Callable[[float | None], str]) -> None:
        super().__init__()
        self.text, self.other = text, other

    def __missing__(self, value: Any) -> str:
        if not isinstance(value, str | bytes):
            return self.other(value)
        word = self[value] = self.text(str(cell(value)))
        return word

    def of(self, column: Cells) -> Cells:
        """What `%s` writes for each value."""
        if set(map(type, column)) <= _NUMBERS and all(map(isfinite, column)):
            return column
        if len(self) > _KNOWN:
            self.clear()
        return list(map(self.__getitem__, column))


def _pieces(rows: Iterable[Cells]) -> Iterator[list[Cells]]:
    rows = iter(rows)
    while piece := list(islice(rows, _PIECE)):
        yield piece


def _separated(rows: Iterable[Cells], columns: Sequence[str], raw: bool) -> Iterator[str]:
    """Lines of CSV, each text as the csv module writes it."""
    beside = [0] * (len(columns) > 1)  # an empty cell that is alone gets quotes

    def quoted(text: str) -> str:
        led = "'" + text if text.startswith(_FORMULA) and not raw else text
        return _csv([led, *beside]).removesuffix("\r\n").removesuffix(",0" * len(beside))

    form = ["", *[","] * (len(columns) - 1), "\r\n"]
    return _worded(rows, form, quoted, lambda value: quoted("") if value is None else str(value))


def _csv(cells: Sequence[Any]) -> str:
    file = StringIO(newline="")
    csv.writer(file, lineterminator="\r\n").writerow(cells)
    return file.getvalue()


def _objects(rows: Iterable[Cells], columns: Sequence[str], start: str, between: str, end: str) -> Iterator[str]:
    """A JSON object for each row, with something before, between and after its items."""
    places = {name: place for place, name in enumerate(columns)}
    if len(places) < len(columns):  # a name that is asked for twice
        rows = ([row[place] for place in places.values()] for row in rows)
    first, *others = (f"{as_json(name)}: " for name in places)
    return _worded(rows, [start + first, *(between + name for name in others), end], as_json, _number)


def _number(value: float | None) -> str:
    """As JSON has it."""
    return "null" if value is None else repr(value) if isfinite(value) else as_json(value)


def _unmarked(text: str) -> str:
    """What would be markup gets a backslash, line breaks become spaces."""
    return _MARKUP.sub(r"\\\g<0>", plain(" ".join(text.splitlines())))
