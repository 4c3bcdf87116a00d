"""What is to be computed: runs, and their units, one a checkpoint.

The command line and the explorer write requests and cancel flags; the one runner of a store takes units, one after
another, and writes their states. A unit goes queued -> loading -> running -> done, failed or cancelled; a unit that a
dead runner left behind is queued again by the next.
"""

import json
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from circuit_store.store import transaction

OPEN = ("queued", "loading", "running")


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


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def add_run(db: sqlite3.Connection, request: dict[str, Any], checkpoints: list[int]) -> int:
    """Queue a unit for each checkpoint; an open run of the same request is taken up again instead."""
    text = json.dumps(request, sort_keys=True)
    with transaction(db):
        same = db.execute(
            "SELECT id FROM run WHERE request = ? AND NOT cancel AND state IN ('queued', 'running', 'interrupted')",
            (text,),
        )
        if row := same.fetchone():
            run = row["id"]
        else:
            cursor = db.execute("INSERT INTO run (request, state, created) VALUES (?, 'queued', ?)", (text, now()))
            run = cursor.lastrowid
        db.executemany(
            "INSERT INTO unit (run_id, checkpoint_id) VALUES (?, ?) ON CONFLICT (run_id, checkpoint_id) DO UPDATE"
            " SET state = 'queued', error = NULL WHERE state IN ('failed', 'cancelled', 'interrupted')"
            " OR (SELECT state FROM run WHERE id = run_id) = 'interrupted'",
            [(run, c) for c in checkpoints],
        )
        db.execute("UPDATE run SET cancel = 0, state = 'queued' WHERE id = ? AND state = 'interrupted'", (run,))
    assert run is not None
    return run


def take_unit(db: sqlite3.Connection) -> Unit | None:
    """The next queued unit of the oldest run, now `loading`; None if nothing is queued."""
    with transaction(db):
        row = db.execute(
            "SELECT unit.id, run_id AS run, checkpoint_id AS checkpoint, model.name AS model, step, revision, source,"
            " suite, request FROM unit JOIN run ON run.id = run_id JOIN checkpoint ON checkpoint.id = checkpoint_id"
            " JOIN model ON model.id = model_id WHERE unit.state = 'queued' AND NOT cancel ORDER BY run_id, unit.id"
        ).fetchone()
        if row is None:
            return None
        db.execute(
            "UPDATE unit SET state = 'loading', doing = 'load', fraction = 0, attempts = attempts + 1 WHERE id = ?",
            (row["id"],),
        )
        db.execute("UPDATE run SET state = 'running', started = coalesce(started, ?) WHERE id = ?", (now(), row["run"]))
    return Unit(**{**dict(row), "request": json.loads(row["request"])})


def doing(db: sqlite3.Connection, unit: Unit, what: str, fraction: float) -> None:
    """Say what a unit is at and how far, for those who watch."""
    with transaction(db):
        db.execute("UPDATE unit SET state = 'running', doing = ?, fraction = ? WHERE id = ?", (what, fraction, unit.id))


def finish_unit(db: sqlite3.Connection, unit: Unit, state: str, seconds: float, error: str | None = None) -> None:
    with transaction(db):
        db.execute(
            "UPDATE unit SET state = ?, doing = NULL, seconds = ?, error = ? WHERE id = ?",
            (state, seconds, error, unit.id),
        )


def computing_on(db: sqlite3.Connection, unit: Unit, device: str) -> None:
    with transaction(db):
        db.execute("UPDATE unit SET device = ? WHERE id = ?", (device, unit.id))


def describe_runner(db: sqlite3.Connection, run: int, host: str, pid: int, versions: dict[str, str]) -> None:
    """Note who computes a run, and with what."""
    with transaction(db):
        db.execute(
            "UPDATE run SET host = ?, pid = ?, versions = ? WHERE id = ?",
            (host, pid, json.dumps(versions, sort_keys=True), run),
        )


_THROUGH = (
    f"state IN ('queued', 'running') AND NOT EXISTS (SELECT 1 FROM unit WHERE run_id = run.id AND state IN {OPEN})"
)


def finished_runs(db: sqlite3.Connection) -> list[int]:
    """Runs without open units that are not settled yet."""
    return [row[0] for row in db.execute(f"SELECT id FROM run WHERE {_THROUGH}")]


def close_runs(db: sqlite3.Connection) -> None:
    """Settle every run without open units: done, failed or cancelled by what its units are."""
    with transaction(db):
        db.execute(
            "UPDATE unit SET state = 'cancelled' WHERE state = 'queued' AND run_id IN (SELECT id FROM run WHERE cancel)"
        )
        db.execute(
            "UPDATE run SET ended = ?, state = CASE WHEN cancel THEN 'cancelled' WHEN EXISTS (SELECT 1 FROM unit WHERE"
            f" run_id = run.id AND state = 'failed') THEN 'failed' ELSE 'done' END WHERE {_THROUGH}",
            (now(),),
        )


def requeue_orphans(db: sqlite3.Connection) -> None:
    """Queue what a dead runner had under way. Only the holder of the runner's lock may call this."""
    with transaction(db):
        db.execute("UPDATE unit SET state = 'queued', doing = NULL WHERE state IN ('loading', 'running')")


def cancel(db: sqlite3.Connection, run: int) -> None:
    with transaction(db):
        db.execute("UPDATE run SET cancel = 1 WHERE id = ?", (run,))


def cancelled(db: sqlite3.Connection, run: int) -> bool:
    return bool(db.execute("SELECT cancel FROM run WHERE id = ?", (run,)).fetchone()[0])


def interrupt(db: sqlite3.Connection, run: int) -> None:
    """Leave a run for later: its unfinished units wait for the next request that asks the same."""
    with transaction(db):
        db.execute(
            f"UPDATE unit SET state = 'interrupted', doing = NULL WHERE run_id = ? AND state IN {OPEN}",
            (run,),
        )
        db.execute("UPDATE run SET state = 'interrupted' WHERE id = ?", (run,))
