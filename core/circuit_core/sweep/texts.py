"""The text on which copy suppression is scored: a file of the user's, or the sample suite's own for the sample suite.

A text says something of a model only if it is of the kind that the model was trained on; so other models need a file.
"""

import hashlib
import sqlite3
from pathlib import Path

from circuit_core import suites
from circuit_core.errors import CircuitError
from circuit_core.sweep.request import Request
from circuit_store import task_files

LARGEST = 8 * 2**20
"""Bytes that are read of a file; 7020 tokens are needed."""


def keep(db: sqlite3.Connection, path: Path) -> str:
    """Keep a file's text in the store; returns its hash. Raises: CircuitError."""
    digest, text = read(path)
    task_files.keep_text(db, digest, text)
    return digest


def read(path: Path) -> tuple[str, str]:
    """Hash and text of a file. Raises: CircuitError."""
    try:
        with path.expanduser().open("rb") as file:
            text = file.read(LARGEST).decode("utf-8", "ignore")
    except OSError as error:
        raise CircuitError(f"--text {path} cannot be read ({error.strerror}): give a file of plain text.") from None
    return hashlib.sha256(text.encode()).hexdigest()[:16], text


def chosen(db: sqlite3.Connection, request: Request, suite: str) -> str | None:
    """The hash of the text for a model of that suite, which the store keeps; None if there is none."""
    if request.text is None and suite == "sample":
        return keep(db, _own())
    return request.text


def named(request: Request, suite: str) -> str | None:
    """The hash that `chosen` gives, without keeping the text."""
    return read(_own())[0] if request.text is None and suite == "sample" else request.text


def _own() -> Path:
    return suites.sample_folder() / "text.txt"
