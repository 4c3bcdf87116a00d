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
from circuit_store.queue.requests import close_runs
from circuit_store.queue.units import OPEN, UNDER_WAY
from circuit_store.transactions import transaction

DETACHED = 0


def ask(db: sqlite3.Connection, run: int, pid: int) -> None:
    """Note that a process of this host, or `DETACHED`, wants a run."""
    with transaction(db):
        db.execute("INSERT OR IGNORE INTO asker VALUES (?, ?, ?)", (run, platform.node(), pid))


def withdraw(db: sqlite3.Connection, run: int, pid: int) -> bool:
    """A process wants a run no more; True if nobody else does, and the run is interrupted."""
    with transaction(db):
        db.execute("DELETE FROM asker WHERE (run_id, host, pid) = (?, ?, ?)", (run, platform.node(), pid))
        others = db.execute("SELECT host, pid FROM asker WHERE run_id = ?", (run,)).fetchall()
        if any(_asks(host, other) for host, other in others):
            return False
        interrupt(db, run)
    return True


def _asks(host: str, pid: int) -> bool:
    return pid == DETACHED or host != platform.node() or lives(pid)


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
        left = db.execute(
            f"UPDATE unit SET state = 'interrupted', doing = NULL WHERE run_id = ? AND state IN {OPEN}"
            " AND NOT (SELECT cancel FROM run WHERE id = run_id)",
            (run,),
        ).rowcount
        if left:
            db.execute("UPDATE run SET state = 'interrupted', reason = 'interrupted by the user' WHERE id = ?", (run,))


def cancel(db: sqlite3.Connection, run: int, at_work: bool) -> None:
    """Drop what a run has left; a runner that is at work ends what is under way. Raises: UnknownName."""
    _known(db, run)
    dropped = ("queued", "interrupted") if at_work else (*OPEN, "interrupted")
    with transaction(db):
        db.execute(
            "UPDATE run SET cancel = 1, reason = 'cancelled by the user', state = CASE state WHEN 'interrupted' THEN"
            " 'queued' ELSE state END WHERE id = ? AND state IN ('queued', 'running', 'interrupted')",
            (run,),
        )
        db.execute(
            f"UPDATE unit SET state = 'cancelled', doing = NULL WHERE run_id = ? AND state IN {dropped}"
            " AND (SELECT cancel FROM run WHERE id = run_id)",
            (run,),
        )
    close_runs(db, run)


def resume(db: sqlite3.Connection, run: int) -> int:
    """Queue what was interrupted or cancelled; returns how many units wait now. Raises: UnknownName."""
    return _again(db, run, ("interrupted", "cancelled"))


def retry(db: sqlite3.Connection, run: int) -> int:
    """Queue what failed, too; returns how many units wait now. Raises: UnknownName."""
    return _again(db, run, ("interrupted", "cancelled", "failed"))


def _again(db: sqlite3.Connection, run: int, states: tuple[str, ...]) -> int:
    """What is under way stays so; if it was told to end already, it is queued when it has (`stopped`)."""
    _known(db, run)
    with transaction(db):
        db.execute(
            "UPDATE unit SET state = 'queued', error = NULL, crashes = 0, seconds = NULL WHERE run_id = ?"
            f" AND state IN {states}",
            (run,),
        )
        waiting = db.execute(f"SELECT count(*) FROM unit WHERE run_id = ? AND state IN {OPEN}", (run,)).fetchone()[0]
        if waiting:
            db.execute(
                "UPDATE run SET cancel = 0, hidden = 0, reason = NULL, ended = NULL, state = CASE state WHEN 'running'"
                " THEN state ELSE 'queued' END WHERE id = ?",
                (run,),
            )
    return waiting


def forget(db: sqlite3.Connection, run: int) -> None:
    """Take a settled run off the list; its results, and what they say of it, stay. Raises: UnknownName."""
    _known(db, run)
    with transaction(db):
        if db.execute(f"SELECT 1 FROM unit WHERE run_id = ? AND state IN {OPEN}", (run,)).fetchone():
            raise UnknownName(f"Run {run} is not through: end it with `circuit-tui jobs cancel {run}` first.")
        if db.execute("SELECT 1 FROM result WHERE run_id = ?", (run,)).fetchone():
            db.execute("UPDATE run SET hidden = 1 WHERE id = ?", (run,))
        else:
            db.execute("DELETE FROM run WHERE id = ?", (run,))


def unwanted(db: sqlite3.Connection, units: Iterable[int]) -> set[int]:
    """Which of these units a runner need not go on with: their runs were cancelled or interrupted."""
    found = db.execute(
        "SELECT unit.id FROM unit JOIN run ON run.id = run_id WHERE unit.id IN (SELECT value FROM json_each(?))"
        f" AND (cancel OR unit.state NOT IN {UNDER_WAY})",
        (json.dumps(list(units)),),
    )
    return {row[0] for row in found}


def stopped(db: sqlite3.Connection, unit: int) -> None:
    """A unit that was not wanted has ended. If its run was taken up again meanwhile, the unit is queued again."""
    with transaction(db):
        db.execute(
            "UPDATE unit SET doing = NULL, state = CASE WHEN (SELECT cancel FROM run WHERE id = run_id)"
            f" THEN 'cancelled' ELSE 'queued' END WHERE id = ? AND state IN {UNDER_WAY}",
            (unit,),
        )


def _known(db: sqlite3.Connection, run: int) -> None:
    if not db.execute("SELECT 1 FROM run WHERE id = ?", (run,)).fetchone():
        held = [str(row[0]) for row in db.execute("SELECT id FROM run WHERE NOT hidden ORDER BY id DESC LIMIT 10")]
        raise UnknownName(f"There is no run {run}: the latest are {', '.join(held) or 'none yet'}.")
