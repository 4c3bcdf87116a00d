"""The one place through which commands print, so that nothing of what others wrote steers the terminal.

Sentences and tables are made harmless line by line, JSON is escaped and reads back as it was. What is exact (CSV, files
of circuits) is so in a file and in a pipe; on a terminal, which would obey it, it is made harmless like a table.
"""

import sys
from errno import EBADF
from typing import IO, Any, TextIO

import click

from circuit_store.display_text import as_json, lines, plain

_PIECE = 2**20
"""Bytes."""


def told(sentence: str) -> None:
    """A message, on stderr: one line."""
    click.echo(plain(sentence), err=True)


def terminal(stream: TextIO | None) -> bool:
    """Whether it is there, and is one."""
    return stream is not None and stream.isatty()


def shown(text: str, end: str = "\n") -> None:
    """Text for a reader, on stdout."""
    _out(lines(text) + end)


def table(rows: list[dict[str, Any]], columns: list[str] | None = None) -> None:
    """Rows as aligned text, on stdout; numbers are right-aligned, empty cells are a dot."""
    columns = columns or list(dict.fromkeys(k for r in rows for k in r))
    cells = [[cell(row.get(c)) for c in columns] for row in rows]
    widths = [max(len(line[i]) for line in [columns, *cells]) for i in range(len(columns))]
    right = [all(isinstance(r.get(c), int | float | None) for r in rows) for c in columns]
    aligned = [
        "  ".join(x.rjust(w) if r else x.ljust(w) for x, w, r in zip(line, widths, right, strict=True)).rstrip()
        for line in [columns, *cells]
    ]
    _out(lines("\n".join(aligned)) + "\n")


def cell(value: Any) -> str:
    if value is None:
        return "·"
    if isinstance(value, float):
        return f"{value:.4g}"
    return plain(str(value))


def document(value: Any, indent: int | None = None) -> None:
    """One JSON document, on stdout."""
    _out(as_json(value, indent) + "\n")


def exact(file: IO[bytes]) -> None:
    """A file's content from where it stands, on stdout."""
    if terminal(sys.stdout):
        shown(file.read().decode(errors="replace").replace("\r\n", "\n"), end="")
        return
    while piece := file.read(_PIECE):
        _out(piece)


def _out(data: str | bytes) -> None:
    """Raises: OSError, also if stdout is closed, where click would say nothing."""
    if sys.stdout is None:
        raise OSError(EBADF, "it is closed", "stdout")
    click.echo(data, nl=False)
