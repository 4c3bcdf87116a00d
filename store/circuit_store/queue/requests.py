"""Runs in the queue: added, begun, and settled when no unit of theirs is open (see `units`).

The command line and the explorer ask for runs, and cancel them (`control`); settling is the runner's.
"""

import json
import sqlite3
from typing import Any

from circuit_store.json_columns import read_json
from circuit_store.queue.states import (
    OPEN_RUNS,
    STATE_OF_RUN,
    UNFINISHED_RUNS,
    UNFINISHED_UNITS,
    WAITING,
    RunState,
    UnitState,
    move,
    one_of,
)
from circuit_store.queue.units import BY_HAND, now
from circuit_store.transactions import transaction

AFRESH = "error = NULL, crashes = 0, seconds = NULL"
"""SQL: what is forgotten of a unit that is asked for again."""


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
        same = f"SELECT id, state FROM run WHERE request = ? AND state IN {one_of(UNFINISHED_RUNS)}"
        if row := db.execute(same, (text,)).fetchone():
            run, interrupted = row["id"], row["state"] == RunState.INTERRUPTED
        else:
            fields = "(request, state, created, priority) VALUES (?, ?, ?, ?)"
            run = db.execute(f"INSERT INTO run {fields}", (text, RunState.QUEUED, now(), priority)).lastrowid
            assert run is not None
            interrupted = False
        units = "INSERT OR IGNORE INTO unit (run_id, checkpoint_id) VALUES (?, ?)"
        db.executemany(units, [(run, checkpoint) for checkpoint in checkpoints])
        # Of a run that was interrupted what is asked for is queued whatever became of it, and so is all that was left:
        # what others have computed meanwhile has nothing missing, and is done at once.
        these = "run_id = :run AND checkpoint_id IN (SELECT value FROM json_each(:these))"
        left = None if interrupted else (UnitState.FAILED, UnitState.CANCELLED, UnitState.INTERRUPTED)
        move(db, UnitState.QUEUED, these, AFRESH, left, run=run, these=json.dumps(checkpoints))
        if interrupted:
            move(db, UnitState.QUEUED, "run_id = :run", AFRESH, (UnitState.INTERRUPTED,), run=run)
        db.execute(
            "UPDATE run SET priority = max(priority, ?), slots = coalesce(?, slots), hidden = 0 WHERE id = ?",
            (priority, slots and json.dumps(slots, sort_keys=True), run),
        )
        move(db, RunState.QUEUED, "id = :run", "reason = NULL", (RunState.INTERRUPTED,), run=run)
    return run


def wanted_slots(db: sqlite3.Connection) -> dict[str, Any]:
    """Where the run that comes first asked to be computed, others before those by hand; empty if it did not say."""
    row = db.execute(
        f"SELECT slots, run.id FROM run JOIN unit ON run.id = run_id WHERE {WAITING}"
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
    f"state IN {one_of((*OPEN_RUNS, RunState.INTERRUPTED))} AND NOT EXISTS"
    f" (SELECT 1 FROM unit WHERE run_id = run.id AND state IN {one_of(UNFINISHED_UNITS)}"
    f" AND NOT (run.state = '{RunState.CANCELLING}' AND unit.state = '{UnitState.QUEUED}'))"
)
_FAILED = f"EXISTS (SELECT 1 FROM unit WHERE run_id = run.id AND state = '{UnitState.FAILED}')"


def finished_runs(db: sqlite3.Connection) -> list[int]:
    """Runs of which no unit is left that are not settled yet."""
    return [row[0] for row in db.execute(f"SELECT id FROM run WHERE {_THROUGH}")]


def close_runs(db: sqlite3.Connection, run: int | None = None) -> None:
    """Settle every run of which no unit is left: cancelled if it was, else failed or done by what its units are.

    Args:
        run: settle this one alone. The trends of the others' models are still to come: settling is the runner's.
    """
    which = f"id = coalesce(:run, id) AND {_THROUGH}"
    with transaction(db):
        dropped = f"run_id = coalesce(:run, run_id) AND {STATE_OF_RUN} = '{RunState.CANCELLING}'"
        move(db, UnitState.CANCELLED, dropped, among=(UnitState.QUEUED,), run=run)
        move(db, RunState.CANCELLED, which, "ended = :now", run=run, now=now())
        ended = "ended = :now, reason = NULL"
        move(db, RunState.FAILED, f"{which} AND {_FAILED}", ended, run=run, now=now())
        move(db, RunState.DONE, f"{which} AND NOT {_FAILED}", ended, run=run, now=now())
