"""Any view as CSV, JSON, JSON lines or Markdown: equal results give equal bytes.

CSV is one header row and rows (RFC 4180), without comments, times, run numbers or paths. Text that a spreadsheet
would run as a formula gets a leading apostrophe; numbers never do. An empty cell is NULL. Markdown is for reading: its
cells are shown as they are, none is taken for markup. JSON has no infinity: such a number is the text `inf` or `-inf`.
"""

import csv
import re
import sqlite3
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from circuit_store import queries
from circuit_store.display_text import UNREADABLE, as_json, plain
from circuit_store.transactions import snapshot
from circuit_store.views import View

FORMATS = ("csv", "jsonl", "markdown")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_MARKUP = re.compile(r"[\\|`*<\[&~$]|(?<![^\W_])_|_(?![^\W_])")
"""What Markdown takes for markup; an underscore does not begin any within a word."""
_HALF = re.compile("[\ud800-\udfff]")

Rows = Iterable[dict[str, Any]]
Found = list[dict[str, Any]]


def text(rows: Rows, columns: Iterable[str], kind: str = "csv", raw: bool = False) -> str:
    """Rows as text that UTF-8 can encode; `raw` leaves formulas as they are."""
    return "".join(lines(rows, columns, kind, raw))


def lines(rows: Rows, columns: Iterable[str], kind: str = "csv", raw: bool = False) -> Iterator[str]:
    """The text line by line, so that it is never held as a whole; half a character (a lone surrogate) is �."""
    return (_HALF.sub(UNREADABLE, line) for line in _lines(rows, list(columns), kind, raw))


def _lines(rows: Rows, columns: list[str], kind: str, raw: bool) -> Iterator[str]:
    if kind == "csv":
        writer = csv.writer(_Line(), lineterminator="\r\n")
        yield writer.writerow(columns)
        for row in rows:
            yield writer.writerow([row[c] if raw else _harmless(row[c]) for c in columns])
    elif kind == "jsonl":
        for row in rows:
            yield as_json({c: row[c] for c in columns}) + "\n"
    else:
        for cells in chain([columns, ["---"] * len(columns)], ([_cell(row[c]) for c in columns] for row in rows)):
            yield "| " + " | ".join(cells) + " |\n"


def document(db: sqlite3.Connection, which: View, filters: dict[str, Any], choices: dict[str, Any]) -> dict[str, Any]:
    """What `--json` prints: the view, its filters, header fields if it is of exactly one thing, and the rows."""
    header, rows = whole(db, which, filters, choices)
    shown = {"view": which.name, "filters": {**filters, **choices}}
    return shown | (header[0] if len(header) == 1 else {}) | {"rows": rows}


def whole(db: sqlite3.Connection, which: View, filters: dict[str, Any], choices: dict[str, Any]) -> tuple[Found, Found]:
    """The header's rows, none if the view has no header, and the view's, of one state of the store."""
    with snapshot(db):
        header = queries.rows(db, which.header, filters, choices) if which.header is not None else []
        return header, queries.rows(db, which, filters, choices)


class _Line:
    """As a file, it gives back what is written."""

    def write(self, text: str) -> str:
        return text


def _harmless(value: Any) -> Any:
    return "'" + value if isinstance(value, str) and value.startswith(_FORMULA) else value


def _cell(value: Any) -> str:
    """One line of Markdown; line breaks become spaces, what would be markup gets a backslash."""
    text = "" if value is None else " ".join(str(value).splitlines())
    return _MARKUP.sub(r"\\\g<0>", plain(text)) if isinstance(value, str) else text
