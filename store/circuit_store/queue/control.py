"""What a person does to runs: ask, withdraw, cancel, take up again, forget.

Each is one short transaction; the runner sees it within a second. Several commands may ask for one run at once: it ends
with the last that withdraws. A command that was killed asks no more; pid 0 stands for one that asked for the run to go
on without it.
"""

import json
import os
import platform
import sqlite3
from collections.abc import Iterable

from circuit_store.errors import UnknownName
from circuit_store.queue.requests import AFRESH, close_runs
from circuit_store.queue.states import (
    ACTIVE_RUNS,
    OPEN_UNITS,
    STATE_OF_RUN,
    UNFINISHED_UNITS,
    UNITS_UNDER_WAY,
    RunState,
    UnitState,
    move,
    one_of,
)
from circuit_store.transactions import transaction

DETACHED = 0
_UNDER_WAY = f"EXISTS (SELECT 1 FROM unit WHERE run_id = run.id AND state IN {one_of(UNITS_UNDER_WAY)})"


def ask(db: sqlite3.Connection, run: int, pid: int) -> None:
    """Note that a process of this host, or `DETACHED`, wants a run."""
    with transaction(db):
        db.execute("INSERT OR IGNORE INTO asker VALUES (?, ?, ?)", (run, platform.node(), pid))


def withdraw(db: sqlite3.Connection, run: int, pid: int) -> bool:
    """A process wants a run no more; True if nobody else does, and the run is interrupted."""
    with transaction(db):
        db.execute("DELETE FROM asker WHERE (run_id, host, pid) = (?, ?, ?)", (run, platform.node(), pid))
        others = db.execute("SELECT host, pid FROM asker WHERE run_id = ?", (run,)).fetchall()
        if any(pid == DETACHED or host != platform.node() or lives(pid) for host, pid in others):
            return False
        interrupt(db, run)
    return True


def lives(pid: int) -> bool:
    """Whether a process of this host is there."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def interrupt(db: sqlite3.Connection, run: int) -> None:
    """Leave a run for later: its unfinished units wait for `resume`, or the next request that asks the same.

    A run that is being cancelled, or has nothing unfinished, stays as it is: its runner settles it.
    """
    with transaction(db):
        going_on = f"run_id = :run AND {STATE_OF_RUN} IN {one_of(ACTIVE_RUNS)}"
        if move(db, UnitState.INTERRUPTED, going_on, "doing = NULL", run=run):
            move(db, RunState.INTERRUPTED, "id = :run", "reason = 'interrupted by the user'", run=run)


def cancel(db: sqlite3.Connection, run: int, at_work: bool) -> None:
    """Drop what a run has left; a runner that is at work ends what is under way. Raises: UnknownName."""
    _known(db, run)
    dropped = (UnitState.QUEUED, UnitState.INTERRUPTED) if at_work else UNFINISHED_UNITS
    with transaction(db):
        move(db, RunState.CANCELLING, "id = :run", "reason = 'cancelled by the user'", run=run)
        of_it = f"run_id = :run AND {STATE_OF_RUN} = '{RunState.CANCELLING}'"
        move(db, UnitState.CANCELLED, of_it, "doing = NULL", dropped, run=run)
    close_runs(db, run)


def go_on(db: sqlite3.Connection, run: int, failed: bool = False) -> int:
    """Queue what was interrupted or cancelled, and what failed, too, if so asked; returns how many units wait now.

    What is under way stays so; if it was told to end already, it is queued when it has (`stopped`).

    Raises:
        UnknownName.
    """
    _known(db, run)
    states = (UnitState.INTERRUPTED, UnitState.CANCELLED, *([UnitState.FAILED] if failed else []))
    with transaction(db):
        move(db, UnitState.QUEUED, "run_id = :run", AFRESH, states, run=run)
        states_of = f"SELECT count(*) FROM unit WHERE run_id = ? AND state IN {one_of(OPEN_UNITS)}"
        waiting = db.execute(states_of, (run,)).fetchone()[0]
        if waiting:
            db.execute("UPDATE run SET hidden = 0, reason = NULL, ended = NULL WHERE id = ?", (run,))
            move(db, RunState.RUNNING, f"id = :run AND {_UNDER_WAY}", run=run)
            move(db, RunState.QUEUED, f"id = :run AND NOT {_UNDER_WAY}", run=run)
    return waiting


def forget(db: sqlite3.Connection, run: int) -> None:
    """Take a settled run off the list; its results, and what they say of it, stay. Raises: UnknownName."""
    _known(db, run)
    with transaction(db):
        if db.execute(f"SELECT 1 FROM unit WHERE run_id = ? AND state IN {one_of(OPEN_UNITS)}", (run,)).fetchone():
            raise UnknownName(f"Run {run} is not through: end it with `circuit-tui jobs cancel {run}` first.")
        if db.execute("SELECT 1 FROM result WHERE run_id = ?", (run,)).fetchone():
            db.execute("UPDATE run SET hidden = 1 WHERE id = ?", (run,))
        else:
            db.execute("DELETE FROM run WHERE id = ?", (run,))


def unwanted(db: sqlite3.Connection, units: Iterable[int]) -> set[int]:
    """Which of these units a runner need not go on with: their runs were cancelled, interrupted or forgotten."""
    under_way = set(units)
    wanted = db.execute(
        "SELECT unit.id FROM unit JOIN run ON run.id = run_id WHERE unit.id IN (SELECT value FROM json_each(?))"
        f" AND run.state != '{RunState.CANCELLING}' AND unit.state IN {one_of(UNITS_UNDER_WAY)}",
        (json.dumps(list(under_way)),),
    )
    return under_way - {row[0] for row in wanted}


def stopped(db: sqlite3.Connection, unit: int) -> None:
    """A unit that was not wanted has ended. If its run was taken up again meanwhile, the unit is queued again."""
    with transaction(db):
        dropped = f"id = :unit AND {STATE_OF_RUN} = '{RunState.CANCELLING}'"
        move(db, UnitState.CANCELLED, dropped, "doing = NULL", UNITS_UNDER_WAY, unit=unit)
        move(db, UnitState.QUEUED, "id = :unit", "doing = NULL", UNITS_UNDER_WAY, unit=unit)


def _known(db: sqlite3.Connection, run: int) -> None:
    if not db.execute("SELECT 1 FROM run WHERE id = ?", (run,)).fetchone():
        held = [str(row[0]) for row in db.execute("SELECT id FROM run WHERE NOT hidden ORDER BY id DESC LIMIT 10")]
        raise UnknownName(f"There is no run {run}: the latest are {', '.join(held) or 'none yet'}.")
