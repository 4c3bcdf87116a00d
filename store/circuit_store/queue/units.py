"""The units of runs, one a checkpoint: the one runner of a store takes them and writes how they go.

They come by priority of the run and then in order; what is asked for by hand comes next, and a unit under way gives way
to it. A unit goes queued -> loading -> running -> done, failed, cancelled
or interrupted; one that a dead runner left behind is queued again by the next.
"""

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from circuit_store.integrity import read_json
from circuit_store.transactions import transaction

OPEN = ("queued", "loading", "running")
UNDER_WAY = ("loading", "running")
BY_HAND = 1000
"""Priority of a run that a person asks for by hand and waits for; above all that `--priority` takes."""
TRIES = 2
"""Workers that may die of a unit before it has failed."""


@dataclass(frozen=True)
class Unit:
    """A checkpoint to compute for a run."""

    id: int
    run: int
    checkpoint: int
    model: str
    step: int
    revision: str
    source: str
    suite: str
    request: dict[str, Any]
    crashes: int = 0
    """Workers that died of it."""


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


_NEXT = (
    "SELECT unit.id, run_id AS run, checkpoint_id AS checkpoint, model.name AS model, step, revision, source,"
    " suite, request, crashes FROM unit JOIN run ON run.id = run_id JOIN checkpoint ON checkpoint.id = checkpoint_id"
    " JOIN model ON model.id = model_id WHERE unit.state = 'queued' AND NOT cancel"
    " AND checkpoint_id NOT IN (SELECT value FROM json_each(?)) ORDER BY priority DESC, run_id, unit.id"
)


def next_unit(db: sqlite3.Connection, busy: Iterable[int] = ()) -> Unit | None:
    """The unit that comes next, still queued; `busy` are checkpoints that others compute at this moment."""
    row = db.execute(_NEXT, (json.dumps(list(busy)),)).fetchone()
    return row and Unit(**{**dict(row), "request": read_json(row["request"], "run.request", row["run"])})


def take_unit(db: sqlite3.Connection, slot: str | None = None, busy: Iterable[int] = ()) -> Unit | None:
    """The next queued unit, now `loading` in a slot; None if there is none but of busy checkpoints."""
    with transaction(db):
        unit = next_unit(db, busy)
        if unit is None:
            return None
        db.execute(
            "UPDATE unit SET state = 'loading', doing = 'load', fraction = 0, attempts = attempts + 1, slot = ?,"
            " heartbeat = ? WHERE id = ?",
            (slot, now(), unit.id),
        )
        db.execute("UPDATE run SET state = 'running', started = coalesce(started, ?) WHERE id = ?", (now(), unit.run))
    return unit


def doing(db: sqlite3.Connection, unit: Unit, what: str, fraction: float) -> None:
    """Say what a unit is at and how far, for those who watch."""
    with transaction(db):
        db.execute(
            f"UPDATE unit SET state = 'running', doing = ?, fraction = ? WHERE id = ? AND state IN {UNDER_WAY}",
            (what, fraction, unit.id),
        )


def finish_unit(db: sqlite3.Connection, unit: Unit, state: str, seconds: float, error: str | None = None) -> None:
    with transaction(db):
        db.execute(
            "UPDATE unit SET state = ?, doing = NULL, seconds = coalesce(seconds, 0) + ?, error = ? WHERE id = ?",
            (state, seconds, error, unit.id),
        )


def crashed(db: sqlite3.Connection, unit: Unit, seconds: float, reason: str) -> bool:
    """Note that a worker died of a unit: queue it once more, or let it fail. True if it is queued."""
    again = unit.crashes + 1 < TRIES
    with transaction(db):
        db.execute(
            f"UPDATE unit SET state = ?, doing = NULL, crashes = crashes + 1, seconds = ?, error = ?"
            f" WHERE id = ? AND state IN {UNDER_WAY}",
            ("queued" if again else "failed", None if again else seconds, reason, unit.id),
        )
    return again


def put_back(db: sqlite3.Connection, unit: Unit, seconds: float) -> None:
    """Queue a unit that gave way to another; what it took so far counts when it is finished."""
    with transaction(db):
        db.execute(
            "UPDATE unit SET state = 'queued', doing = NULL, seconds = coalesce(seconds, 0) + ?"
            f" WHERE id = ? AND state IN {UNDER_WAY}",
            (seconds, unit.id),
        )


_WAITING = (
    "SELECT checkpoint_id FROM unit JOIN run ON run.id = run_id WHERE unit.state = 'queued' AND NOT cancel"
    " AND priority >= ? ORDER BY priority DESC, run_id, unit.id"
)
_AT_WORK = (
    "SELECT unit.id, checkpoint_id, priority FROM unit JOIN run ON run.id = run_id"
    " WHERE unit.id IN (SELECT value FROM json_each(?)) ORDER BY priority, unit.id DESC"
)


def to_give_way(db: sqlite3.Connection, under_way: Iterable[int], free: bool) -> int | None:
    """Which of the units under way stands in the way of what a person asked for by hand (`BY_HAND`), if any does.

    It is the one that computes the same checkpoint; else, where no slot is free, the last of the lowest priority. What
    waits for a checkpoint on which another such request is at work comes after that one.
    """
    at_work = db.execute(_AT_WORK, (json.dumps(list(under_way)),)).fetchall()
    by_hand = {row["checkpoint_id"] for row in at_work if row["priority"] >= BY_HAND}
    waiting = (row for row in db.execute(_WAITING, (BY_HAND,)).fetchall() if row["checkpoint_id"] not in by_hand)
    first = next(waiting, None)
    if first is None:
        return None
    same = [row for row in at_work if row["checkpoint_id"] == first["checkpoint_id"]]
    behind = same or ([] if free else at_work)
    return next((row["id"] for row in behind if row["priority"] < BY_HAND), None)


def computing_on(db: sqlite3.Connection, unit: Unit, device: str) -> None:
    with transaction(db):
        db.execute("UPDATE unit SET device = ? WHERE id = ?", (device, unit.id))


def requeue_orphans(db: sqlite3.Connection) -> None:
    """Queue what a dead runner had under way. Only the holder of the runner's lock may call this."""
    with transaction(db):
        db.execute(f"UPDATE unit SET state = 'queued', doing = NULL WHERE state IN {UNDER_WAY}")
