"""The queue of a store: what runs there are, how they go, and what a person does to them."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from circuit_store import trends
from circuit_store.errors import UnknownName
from circuit_store.queue import control, runners, runs
from circuit_store.queue.states import DROPPED_RUNS, OPEN_RUNS, UNFINISHED_RUNS, RunState
from circuit_store.store import open_to_read, open_to_write
from circuit_store.transactions import transaction
from circuit_sweep.runner import launch, lock
from circuit_tui import paths
from circuit_tui.cli.view_output import plain, table
from circuit_tui.terminal import console

COLUMNS = ["run", "state", "priority", "models", "units", "done", "failed", "open", "seconds", "created", "reason"]
OF_UNITS = ["model", "step", "state", "doing", "attempts", "seconds", "device", "slot", "error"]
TAIL = 200
"""Lines of a log."""


def see_to_runner(db: sqlite3.Connection, store: Path) -> None:
    """Start a runner if the store has none, or one that has left and is about to end."""
    if runners.holder(db) is None or not launch.alive(store):
        launch.start(store, paths.log())


def show_all(store: Path, as_json: bool) -> None:
    with closing(open_to_read(store)) as db:
        found = runs.listed(db)
    _print({"runs": found}, found, COLUMNS, as_json)
    if any(row["open"] for row in found):
        _tell_if_nobody_computes(store)


def _tell_if_nobody_computes(store: Path) -> None:
    try:
        if not lock.held(store):
            console.told(f"No runner is at work: `{paths.program(store)} jobs resume` starts one.")
    except lock.LockUnusable as error:
        console.told(f"No runner of yours is at work: {error}")


def show(store: Path, run: int, as_json: bool) -> None:
    with closing(open_to_read(store)) as db:
        (row,) = _one(db, run)
        units = runs.units(db, run)
    if not as_json:
        console.shown(table([{c: _cell(row[c]) for c in COLUMNS}], COLUMNS), end="")
    _print({**row, "units": units}, units, OF_UNITS, as_json)
    if row["open"]:
        _tell_if_nobody_computes(store)


def cancel(store: Path, run: int, as_json: bool) -> None:
    """What is under way ends within seconds; results that are there stay."""
    drop(store, run)
    with closing(open_to_read(store)) as db:
        state = _one(db, run)[0]["state"]
        cancelled = f"Run {run} is cancelled; what it has computed stays."
        _tell(db, run, as_json, cancelled if state in DROPPED_RUNS else f"Run {run} is {state}: nothing is left.")


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


def resume(store: Path, run: int | None, as_json: bool, failed: bool = False) -> None:
    """Queue what a run, or every run that was not cancelled, has left, and see that somebody computes it."""
    chosen, total = go_on(store, run, failed)
    units = f"{total} unit{'' if total == 1 else 's'}"
    told = f"{units} computed in the background: `{paths.program(store)} jobs list` looks on."
    if as_json:
        console.document({"runs": chosen, "queued": total})
    console.told(told if total else f"Nothing is left to compute.{_cancelled(store) if run is None else ''}")


def _cancelled(store: Path) -> str:
    """How to take up the latest run that was cancelled with something left; empty if there is none."""
    with closing(open_to_read(store)) as db:
        left = (r for r in runs.listed(db) if r["state"] in DROPPED_RUNS and r["units"] > r["done"] + r["failed"])
        run = next((row["run"] for row in left), None)
    return f" A cancelled run is taken up by its number: `{paths.program(store)} jobs resume {run}`." if run else ""


def go_on(store: Path, run: int | None, failed: bool) -> tuple[list[int], int]:
    """Resume, or with what failed retry. Returns the runs, and how many units wait.

    Args:
        run: None for all that were not cancelled.

    Raises:
        StoreError.
        LockUnusable: nobody could compute them.
    """
    with closing(open_to_write(store)) as db:
        lock.check(store)
        again = control.retry if failed else control.resume
        with transaction(db):
            chosen = [run] if run is not None else _left(db)
            waiting = {number: again(db, number) for number in chosen}
            for number in (n for n, units in waiting.items() if units):
                control.ask(db, number, control.DETACHED)
        if any(row["state"] in OPEN_RUNS for row in runs.listed(db, run)):
            see_to_runner(db, store)
        return chosen, sum(waiting.values())


def _left(db: sqlite3.Connection) -> list[int]:
    """What was cancelled was dropped on purpose; if it is not settled yet, any runner does that."""
    return [row["run"] for row in runs.listed(db) if row["state"] in UNFINISHED_RUNS]


def forget(store: Path, run: int, as_json: bool) -> None:
    with closing(open_to_write(store)) as db:
        control.forget(db, run)
    if as_json:
        console.document({"run": run, "forgotten": True})
    console.told(f"Run {run} is off the list; its results stay.")


def logs(store: Path, run: int, as_json: bool) -> None:
    """What runners wrote about a run: the last lines."""
    with closing(open_to_read(store)) as db:
        (row,) = _one(db, run)
    file, found = tail(store, run, row["log"])
    if as_json:
        console.document({"run": run, "log": str(file), "lines": found})
    else:
        console.shown("".join(f"{line}\n" for line in found), end="")


def tail(store: Path, run: int, log: str | None) -> tuple[Path, list[str]]:
    """The log of a run's runner, and its last lines on that run. Raises: ValueError."""
    file = Path(log or paths.log())
    marks = (f" {store.absolute()} run {run}: ", f" {store} run {run}: ", f" {store}: ")
    try:
        lines = file.read_text(errors="replace").splitlines() if file.exists() else []
    except OSError as error:
        raise ValueError(f"The log {file} cannot be read ({error.strerror}): check its permissions.") from None
    return file, [plain(line) for line in lines if any(mark in line for mark in marks)][-TAIL:]


def _one(db: sqlite3.Connection, run: int) -> list[dict[str, Any]]:
    """Raises: UnknownName."""
    found = runs.listed(db, run)
    if not found:
        held = ", ".join(str(row["run"]) for row in runs.listed(db)[:10]) or "none yet"
        raise UnknownName(f"There is no run {run}: the latest are {held}.")
    return found


def _tell(db: sqlite3.Connection, run: int, as_json: bool, sentence: str) -> None:
    if as_json:
        console.document(_one(db, run)[0])
    console.told(sentence)


def _print(document: dict[str, Any], rows: list[dict[str, Any]], columns: list[str], as_json: bool) -> None:
    if as_json:
        console.document(document, indent=1)
    else:
        console.shown(table([{c: _cell(row[c]) for c in columns} for row in rows], columns), end="")


def _cell(value: Any) -> Any:
    return ", ".join(value) if isinstance(value, list) else value
