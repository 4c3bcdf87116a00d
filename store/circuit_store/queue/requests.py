"""What is to be computed, run by run: asked for, begun, and settled when no unit of it is open (see `units`).

The command line and the explorer write requests and cancel flags (`control`); settling is the runner's.
"""

import json
import sqlite3
from typing import Any

from circuit_store.integrity import read_json
from circuit_store.queue.units import BY_HAND, OPEN, now
from circuit_store.transactions import transaction


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
            " SET state = 'queued', error = NULL, crashes = 0, seconds = NULL"
            " WHERE state IN ('failed', 'cancelled', 'interrupted')"
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


def wanted_slots(db: sqlite3.Connection) -> dict[str, Any]:
    """Where the run that comes first asked to be computed, others before those by hand; empty if it did not say."""
    row = db.execute(
        "SELECT slots, run.id FROM run JOIN unit ON run.id = run_id WHERE unit.state = 'queued' AND NOT cancel"
        f" ORDER BY priority >= {BY_HAND}, priority DESC, run.id"
    ).fetchone()
    return read_json(row["slots"], "run.slots", row["id"]) if row and row["slots"] else {}


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
    "state IN ('queued', 'running', 'interrupted') AND NOT EXISTS"
    f" (SELECT 1 FROM unit WHERE run_id = run.id AND state IN {(*OPEN, 'interrupted')})"
)


def finished_runs(db: sqlite3.Connection) -> list[int]:
    """Runs of which no unit is left that are not settled yet."""
    return [row[0] for row in db.execute(f"SELECT id FROM run WHERE {_THROUGH}")]


def close_runs(db: sqlite3.Connection, run: int | None = None) -> None:
    """Settle every run of which no unit is left: done, failed or cancelled by what its units are.

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
            "UPDATE run SET ended = ?, reason = CASE WHEN cancel THEN reason END,"
            " state = CASE WHEN cancel THEN 'cancelled'"
            " WHEN EXISTS (SELECT 1 FROM unit WHERE run_id = run.id AND state = 'failed') THEN 'failed'"
            f" ELSE 'done' END WHERE {_THROUGH} AND id = coalesce(?, id)",
            (now(), run),
        )
