"""What is to be computed: runs, and their units, one a checkpoint.

The command line and the explorer write requests and cancel flags (`control`); the one runner of a store takes units, by
priority and then in order, and writes their states. A unit goes queued -> loading -> running -> done, failed, cancelled
or interrupted; a unit that a dead runner left behind is queued again by the next.
"""

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from circuit_store.store import transaction

OPEN = ("queued", "loading", "running")
UNDER_WAY = ("loading", "running")
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


def add_run(
    db: sqlite3.Connection,
    request: dict[str, Any],
    checkpoints: list[int],
    priority: int = 0,
    slots: dict[str, Any] | None = None,
) -> int:
    """Queue a unit for each checkpoint; an open run of the same request is taken up again instead.

    Args:
        priority: runs of a higher one come first.
        slots: where a runner that starts for this run computes; one that lives already keeps its own.
    """
    text = json.dumps(request, sort_keys=True)
    with transaction(db):
        same = db.execute(
            "SELECT id FROM run WHERE request = ? AND NOT cancel AND state IN ('queued', 'running', 'interrupted')",
            (text,),
        )
        if row := same.fetchone():
            run = row["id"]
        else:
            fields = "(request, state, created, priority) VALUES (?, 'queued', ?, ?)"
            cursor = db.execute(f"INSERT INTO run {fields}", (text, now(), priority))
            run = cursor.lastrowid
        db.executemany(
            "INSERT INTO unit (run_id, checkpoint_id) VALUES (?, ?) ON CONFLICT (run_id, checkpoint_id) DO UPDATE"
            " SET state = 'queued', error = NULL, crashes = 0 WHERE state IN ('failed', 'cancelled', 'interrupted')"
            " OR (SELECT state FROM run WHERE id = run_id) = 'interrupted'",
            [(run, c) for c in checkpoints],
        )
        db.execute(
            "UPDATE run SET priority = max(priority, ?), slots = coalesce(?, slots), hidden = 0 WHERE id = ?",
            (priority, slots and json.dumps(slots, sort_keys=True), run),
        )
        db.execute(
            "UPDATE run SET cancel = 0, reason = NULL, state = 'queued' WHERE id = ? AND state = 'interrupted'", (run,)
        )
    assert run is not None
    return run


_NEXT = (
    "SELECT unit.id, run_id AS run, checkpoint_id AS checkpoint, model.name AS model, step, revision, source,"
    " suite, request, crashes FROM unit JOIN run ON run.id = run_id JOIN checkpoint ON checkpoint.id = checkpoint_id"
    " JOIN model ON model.id = model_id WHERE unit.state = 'queued' AND NOT cancel"
    " AND checkpoint_id NOT IN (SELECT value FROM json_each(?)) ORDER BY priority DESC, run_id, unit.id"
)


def next_unit(db: sqlite3.Connection, busy: Iterable[int] = ()) -> Unit | None:
    """The unit that comes next, still queued; `busy` are checkpoints that others compute at this moment."""
    row = db.execute(_NEXT, (json.dumps(list(busy)),)).fetchone()
    return row and Unit(**{**dict(row), "request": json.loads(row["request"])})


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


def wanted_slots(db: sqlite3.Connection) -> dict[str, Any]:
    """Where the run that comes first asked to be computed; empty if it did not say."""
    row = db.execute(
        "SELECT slots FROM run JOIN unit ON run.id = run_id WHERE unit.state = 'queued' AND NOT cancel"
        " ORDER BY priority DESC, run.id"
    ).fetchone()
    return json.loads(row[0]) if row and row[0] else {}


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
            "UPDATE unit SET state = ?, doing = NULL, seconds = ?, error = ? WHERE id = ?",
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


def computing_on(db: sqlite3.Connection, unit: Unit, device: str) -> None:
    with transaction(db):
        db.execute("UPDATE unit SET device = ? WHERE id = ?", (device, unit.id))


def describe_runner(
    db: sqlite3.Connection, run: int, host: str, pid: int, versions: dict[str, str], log: str | None = None
) -> None:
    """Note who computes a run, with what, and where it writes what it does."""
    with transaction(db):
        db.execute(
            "UPDATE run SET host = ?, pid = ?, versions = ?, log = coalesce(?, log) WHERE id = ?",
            (host, pid, json.dumps(versions, sort_keys=True), log, run),
        )


_THROUGH = (
    f"state IN ('queued', 'running') AND NOT EXISTS (SELECT 1 FROM unit WHERE run_id = run.id AND state IN {OPEN})"
)


def finished_runs(db: sqlite3.Connection) -> list[int]:
    """Runs without open units that are not settled yet."""
    return [row[0] for row in db.execute(f"SELECT id FROM run WHERE {_THROUGH}")]


def close_runs(db: sqlite3.Connection, run: int | None = None) -> None:
    """Settle every run without open units: done, failed or cancelled by what its units are.

    Args:
        run: settle this one alone. The trends of the others' models are still to come: settling is the runner's.
    """
    with transaction(db):
        db.execute(
            "UPDATE unit SET state = 'cancelled' WHERE state = 'queued'"
            " AND run_id IN (SELECT id FROM run WHERE cancel AND id = coalesce(?, id))",
            (run,),
        )
        db.execute(
            "UPDATE run SET ended = ?, state = CASE WHEN cancel THEN 'cancelled' WHEN EXISTS (SELECT 1 FROM unit WHERE"
            f" run_id = run.id AND state = 'failed') THEN 'failed' ELSE 'done' END WHERE {_THROUGH}"
            " AND id = coalesce(?, id)",
            (now(), run),
        )


def requeue_orphans(db: sqlite3.Connection) -> None:
    """Queue what a dead runner had under way. Only the holder of the runner's lock may call this."""
    with transaction(db):
        db.execute(f"UPDATE unit SET state = 'queued', doing = NULL WHERE state IN {UNDER_WAY}")
