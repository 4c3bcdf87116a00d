"""What a person does to runs of the queue, on the command line or in the explorer: cancel, go on, look at the log."""

import sqlite3
from contextlib import closing
from pathlib import Path

from circuit_store import trends
from circuit_store.display_text import plain
from circuit_store.queue import control, runners, runs
from circuit_store.queue.states import OPEN_RUNS, UNFINISHED_RUNS, RunState
from circuit_store.store import open_to_write
from circuit_store.transactions import transaction
from circuit_sweep.runner import launch, lock
from circuit_tui import paths

TAIL = 200
"""Lines of a log."""


def see_to_runner(db: sqlite3.Connection, store: Path) -> None:
    """Start a runner if the store has none, or one that has left and is about to end."""
    if runners.holder(db) is None or not launch.alive(store):
        launch.start(store, paths.log())


def drop(store: Path, run: int) -> None:
    """Cancel a run. One of which nothing is under way is settled at once, by no runner that would see to its trends.

    Raises:
        UnknownName, StoreUnusable.
        CircuitError: the trends cannot be computed.
    """
    with closing(open_to_write(store)) as db:
        control.cancel(db, run, launch.alive(store))
        if runs.run_state(db, run) == RunState.CANCELLED and (models := trends.touched(db, run)):
            launch.refresh_trends(store, models)


def go_on(store: Path, run: int | None, failed: bool) -> tuple[list[int], int]:
    """Resume, or with what failed retry. Returns the runs, and how many units wait.

    Args:
        run: None for all that were not cancelled: those were dropped on purpose, and any runner settles them.

    Raises:
        StoreError.
        LockUnusable: nobody could compute them.
    """
    with closing(open_to_write(store)) as db:
        lock.check(store)
        with transaction(db):
            left = [row["run"] for row in runs.listed(db) if row["state"] in UNFINISHED_RUNS]
            chosen = left if run is None else [run]
            waiting = {number: control.go_on(db, number, failed) for number in chosen}
            for number in (n for n, units in waiting.items() if units):
                control.ask(db, number, control.DETACHED)
        if any(row["state"] in OPEN_RUNS for row in runs.listed(db, run)):
            see_to_runner(db, store)
        return chosen, sum(waiting.values())


def tail(store: Path, run: int, log: str | None) -> tuple[Path, list[str]]:
    """The log of a run's runner, and its last lines on that run. Raises: ValueError."""
    file = Path(log or paths.log())
    marks = (f" {store.absolute()} run {run}: ", f" {store} run {run}: ", f" {store}: ")
    try:
        lines = file.read_text(errors="replace").splitlines() if file.exists() else []
    except OSError as error:
        raise ValueError(f"The log {file} cannot be read ({error.strerror}): check its permissions.") from None
    return file, [plain(line) for line in lines if any(mark in line for mark in marks)][-TAIL:]
