"""The one place through which commands print, so that nothing of what others wrote steers the terminal.

Sentences and tables are made harmless line by line, JSON is escaped and reads back as it was. What is exact (CSV, files
of circuits) is so in a file and in a pipe; on a terminal, which would obey it, it is made harmless like a table.
"""

import sys
from typing import Any

import click

from circuit_store.showing import as_json, lines, plain


def told(sentence: str) -> None:
    """A message, on stderr: one line."""
    click.echo(plain(sentence), err=True)


def shown(text: str, end: str = "\n") -> None:
    """Text for a reader, on stdout."""
    click.echo(lines(text) + end, nl=False)


def document(value: Any, indent: int | None = None) -> None:
    """One JSON document, on stdout."""
    click.echo(as_json(value, indent))


def exact(data: bytes) -> None:
    """A file's content, on stdout."""
    if sys.stdout.isatty():
        shown(data.decode(errors="replace").replace("\r\n", "\n"), end="")
    else:
        click.echo(data, nl=False)
