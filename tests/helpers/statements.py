"""What a program asks of its stores, statement by statement: on which thread, and which tables it reads whole."""

import asyncio
import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from circuit_store.connection import Connection

LARGE = ("circuit_edge", "node_score", "faithfulness", "head_score", "head_detail", "attention_row", "patch_effect")


@dataclass
class Statements:
    """As SQLite ran them, with their values."""

    on_loop: list[str] = field(default_factory=list)
    """Those that the thread of an event loop ran."""
    in_threads: list[str] = field(default_factory=list)

    def hear(self, statement: str) -> None:
        (self.in_threads if asyncio._get_running_loop() is None else self.on_loop).append(statement)


@contextmanager
def heard() -> Iterator[Statements]:
    """Of stores that are opened meanwhile, to read or by the thread of an event loop; not of those a fixture writes."""
    statements, of = Statements(), Connection.of

    def opened(db: Connection, path, file, writes: bool) -> None:
        of(db, path, file, writes)
        if not writes or asyncio._get_running_loop() is not None:
            db.set_trace_callback(statements.hear)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Connection, "of", opened)
        yield statements


def scanned(db: sqlite3.Connection, statements: Iterable[str], tables: tuple[str, ...] = LARGE) -> dict[str, str]:
    """The tables that are read from end to end, also to make an index for one statement, each with the statement."""
    found = {}
    for said in statements:
        aliases = dict(re.findall(rf"\b({'|'.join(tables)})\s+AS\s+(\w+)", said, re.IGNORECASE))
        named = {table: table for table in tables} | {alias: table for table, alias in aliases.items()}
        for row in db.execute(f"EXPLAIN QUERY PLAN {said}"):
            how, name, *_ = (*row["detail"].split(), "")
            if name in named and (how == "SCAN" or "USING AUTOMATIC" in row["detail"]):
                found[named[name]] = said
    return found
