"""The text on which copy suppression is scored: a file of the user's, the one that last gave the model scores, or the
sample suite's own for the sample suite.

A text says something of a model only if it is of the kind that the model was trained on; so other models need a file,
once: a later request without one must not put undefined results in the place of scores, nor may a text that is too
short become the model's.
"""

import hashlib
import sqlite3
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from circuit_core import untrusted_files
from circuit_core.errors import CircuitError, UnreadableFile
from circuit_core.models import suites
from circuit_store import task_files
from circuit_sweep.planning.request import Request

_OF_THE_SAMPLES = suites.sample_folder() / "text.txt"
LARGEST = 8 * 2**20
"""Bytes that are read of a file."""
LEAST = 7020
"""Tokens that are needed, and so bytes."""


@dataclass(frozen=True)
class Text:
    hash: str
    content: str


def read(path: Path) -> Text:
    """Raises: CircuitError."""
    try:
        with untrusted_files.opened(untrusted_files.place(path)) as file:
            text = untrusted_files.beginning(path, file, LARGEST).decode("utf-8", "ignore")
    except UnreadableFile as error:
        raise CircuitError(f"--text {error}") from None
    return Text(hashlib.sha256(text.encode()).hexdigest()[:16], text)


def given(path: Path) -> Text:
    """One to score on. What only a tokenizer shows to be too short is found later. Raises: CircuitError."""
    text = read(path)
    if (size := len(text.content.encode())) < LEAST:
        raise CircuitError(f"--text {path} has {size} bytes, and {LEAST:,} tokens are needed: give a longer text.")
    return text


@cache
def of_the_samples() -> Text:
    """The sample suite's own."""
    return read(_OF_THE_SAMPLES)


def asked(db: sqlite3.Connection | None, request: Request, model: str, suite: str) -> str | None:
    """The hash of the text for a model of that suite; None if there is none. Nothing is written."""
    if digest := request.text or (task_files.last_text(db, model) if db else None):
        return digest
    return of_the_samples().hash if suite == "sample" else None


def chosen(db: sqlite3.Connection, request: Request, model: str, suite: str) -> str | None:
    """The same, and the store keeps the text."""
    digest = asked(db, request, model, suite)
    if digest and suite == "sample" and task_files.text_of(db, digest) is None:
        task_files.keep_text(db, of_the_samples().hash, of_the_samples().content)
    return digest
