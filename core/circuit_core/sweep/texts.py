"""The text on which copy suppression is scored: a file of the user's, or the sample suite's own for the sample suite.

A text says something of a model only if it is of the kind that the model was trained on; so other models need a file.
"""

import hashlib
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from circuit_core import suites
from circuit_core.errors import CircuitError
from circuit_core.sweep.request import Request
from circuit_store import task_files

_OF_THE_SAMPLES = suites.sample_folder() / "text.txt"
LARGEST = 8 * 2**20
"""Bytes that are read of a file; 7020 tokens are needed."""


@dataclass(frozen=True)
class Text:
    hash: str
    content: str


def read(path: Path) -> Text:
    """Raises: CircuitError."""
    try:
        with path.expanduser().open("rb") as file:
            text = file.read(LARGEST).decode("utf-8", "ignore")
    except OSError as error:
        raise CircuitError(f"--text {path} cannot be read ({error.strerror}): give a file of plain text.") from None
    return Text(hashlib.sha256(text.encode()).hexdigest()[:16], text)


def of_the_samples() -> Text:
    """The sample suite's own."""
    return read(_OF_THE_SAMPLES)


def keep(db: sqlite3.Connection, text: Text) -> str:
    """Keep a text in the store; returns its hash."""
    task_files.keep_text(db, text.hash, text.content)
    return text.hash


def asked(request: Request, suite: str) -> str | None:
    """The hash of the text for a model of that suite; None if there is none."""
    return request.text if request.text or suite != "sample" else of_the_samples().hash


def chosen(db: sqlite3.Connection, request: Request, suite: str) -> str | None:
    """The same, and the store keeps the text."""
    return request.text if request.text or suite != "sample" else keep(db, of_the_samples())
