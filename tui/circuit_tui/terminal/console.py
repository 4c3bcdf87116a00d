"""The one place through which commands print, so that nothing of what others wrote steers the terminal.

Sentences and tables are made harmless line by line, JSON is escaped and reads back as it was. What is exact (CSV, files
of circuits) is so in a file and in a pipe; on a terminal, which would obey it, it is made harmless like a table.
"""

import sys
from collections.abc import Iterable
from errno import EBADF
from itertools import chain, islice
from tempfile import SpooledTemporaryFile
from typing import IO, Any, TextIO

import click

from circuit_store import output_files
from circuit_store.display_text import as_json, lines, plain

_PIECE = 2**20
"""Bytes."""
_LINES = 1000
_APART = "\t"


def told(sentence: str) -> None:
    """A message, on stderr: one line."""
    click.echo(plain(sentence), err=True)


def terminal(stream: TextIO | None) -> bool:
    """Whether it is there, and is one."""
    return stream is not None and stream.isatty()


def shown(text: str, end: str = "\n") -> None:
    """Text for a reader, on stdout."""
    _out(lines(text) + end)


def table(rows: Iterable[dict[str, Any]], columns: list[str] | None = None) -> None:
    """Rows as aligned text, on stdout; numbers are right-aligned, empty cells are a dot. How wide a column is, only the
    last row tells: until then many rows wait in a file.
    """
    if columns is None:
        rows = list(rows)
        columns = list(dict.fromkeys(k for r in rows for k in r))
    widths, right = list(map(len, columns)), [True] * len(columns)
    with SpooledTemporaryFile(output_files.HELD) as waiting:
        for row in rows:
            cells = [cell(row.get(c)) for c in columns]
            widths = list(map(max, widths, map(len, cells)))
            right = [r and isinstance(row.get(c), int | float | None) for r, c in zip(right, columns, strict=True)]
            waiting.write(_APART.join(cells).encode() + b"\n")  # of which no cell has either
        waiting.seek(0)
        lined = chain([columns], (line.decode().removesuffix("\n").split(_APART) for line in waiting))
        while some := list(islice(lined, _LINES)):
            aligned = (
                "  ".join(x.rjust(w) if r else x.ljust(w) for x, w, r in zip(line, widths, right, strict=True)).rstrip()
                for line in some
            )
            shown("\n".join(aligned))


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
