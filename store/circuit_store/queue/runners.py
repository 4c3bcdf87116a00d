"""The one runner of a store: which process it is, and that it lives.

On one host the lock beside the store decides (`launch.alive`); this row says who holds it, and is how a request knows
that a runner will still see it: a runner leaves (`leave`) in the transaction in which it finds nothing queued. Between
hosts, where the file system may not carry locks, the beat decides; it is a counter, so that no clock matters.
"""

import sqlite3
from dataclasses import dataclass

from circuit_store.queue.states import UNITS_UNDER_WAY, WAITING, one_of
from circuit_store.queue.units import now
from circuit_store.transactions import transaction


@dataclass(frozen=True)
class RunnerRecord:
    host: str
    pid: int
    beat: int
    """Raised every few seconds."""
    seen: str
    """When it was raised last, by the runner's clock."""


def holder(db: sqlite3.Connection) -> RunnerRecord | None:
    """The process that took the store last and has not left; it may have died."""
    row = db.execute("SELECT host, pid, beat, seen FROM runner").fetchone()
    return RunnerRecord(*row) if row else None


def take(db: sqlite3.Connection, host: str, pid: int) -> None:
    """Become the runner. Only the holder of the lock may call this."""
    with transaction(db):
        db.execute("REPLACE INTO runner (id, host, pid, seen) VALUES (1, ?, ?, ?)", (host, pid, now()))


def beat(db: sqlite3.Connection) -> None:
    """The runner lives, and so does what it has under way."""
    with transaction(db):
        db.execute("UPDATE runner SET beat = beat + 1, seen = ?", (now(),))
        db.execute(f"UPDATE unit SET heartbeat = ? WHERE state IN {one_of(UNITS_UNDER_WAY)}", (now(),))


def leave(db: sqlite3.Connection, whatever: bool = False) -> bool:
    """Be the runner no more, if nothing is queued, or whatever is; True if so."""
    waiting = f"SELECT 1 FROM unit JOIN run ON run.id = run_id WHERE {WAITING}"
    with transaction(db):
        if not whatever and db.execute(waiting).fetchone():
            return False
        db.execute("DELETE FROM runner")
    return True
