"""One state of the store for all statements of a question, and a sign that it is no longer the newest."""

import sqlite3
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from circuit_store.transactions import snapshot

P = ParamSpec("P")
T = TypeVar("T")
Question = Callable[Concatenate[sqlite3.Connection, P], T]


def one_state(ask: Question[P, T]) -> Question[P, T]:
    """All statements of a question see the same store."""

    @wraps(ask)
    def asked(db: sqlite3.Connection, *args: P.args, **kwargs: P.kwargs) -> T:
        with snapshot(db):
            return ask(db, *args, **kwargs)

    return asked


def data_version(db: sqlite3.Connection) -> int:
    """Changes whenever another connection has written."""
    return db.execute("PRAGMA data_version").fetchone()[0]
