"""The queue: `jobs`, and what is done with its runs."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from circuit_store.errors import UnknownName
from circuit_store.store import open_to_read, open_to_write
from circuit_tui import paths
from circuit_tui.cli.main import NUMBER, main
from circuit_tui.runs import flags, options
from circuit_tui.terminal import console

COLUMNS = ["run", "state", "priority", "models", "units", "done", "failed", "open", "seconds", "created", "reason"]
OF_UNITS = ["model", "step", "state", "doing", "attempts", "seconds", "device", "slot", "error"]
_JSON = flags.flag(options.JSON)


class _OfARun(click.ParamType):
    """The number of a run."""

    name = "run"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            return NUMBER.convert(value, param, ctx)
        except click.BadParameter:
            program = paths.program(ctx.obj) if ctx else "circuit-tui"
            raise ValueError(f"{value} is not a run: give the number of one, as `{program} jobs` lists them.") from None


_RUN = click.argument("run", type=_OfARun())


@main.group(invoke_without_command=True)
@_JSON
@click.pass_context
def jobs(ctx: click.Context, as_json: bool) -> None:
    """Show the queue; cancel, resume or retry its runs."""
    if ctx.invoked_subcommand is None:
        show_all(ctx.obj, as_json)


@jobs.command("list")
@_JSON
@click.pass_obj
def listed(store: Path, as_json: bool) -> None:
    """List all runs, newest first."""
    show_all(store, as_json)


def show_all(store: Path, as_json: bool) -> None:
    from circuit_store.queue import runs

    with closing(open_to_read(store)) as db:
        found = runs.listed(db)
    _print({"runs": found}, found, COLUMNS, as_json)
    if any(row["open"] for row in found):
        _tell_if_nobody_computes(store)


@jobs.command()
@_RUN
@_JSON
@click.pass_obj
def show(store: Path, run: int, as_json: bool) -> None:
    """Show RUN and each of its units."""
    from circuit_store.queue import runs

    with closing(open_to_read(store)) as db:
        row = _one(db, run)
        units = runs.units(db, run)
    if not as_json:
        console.table([{c: cell(row[c]) for c in COLUMNS}], COLUMNS)
    _print({**row, "units": units}, units, OF_UNITS, as_json)
    if row["open"]:
        _tell_if_nobody_computes(store)


@jobs.command()
@_RUN
@_JSON
@click.pass_obj
def cancel(store: Path, run: int, as_json: bool) -> None:
    """Cancel RUN; what it has computed stays."""
    from circuit_store.queue.states import DROPPED_RUNS
    from circuit_tui.runs import jobs as queue

    queue.drop(store, run)
    with closing(open_to_read(store)) as db:
        row = _one(db, run)
    if as_json:
        console.document(row)
    cancelled = row["state"] in DROPPED_RUNS
    ended = "is cancelled; what it has computed stays." if cancelled else f"is {row['state']}: nothing is left."
    console.told(f"Run {run} {ended}")


@jobs.command()
@click.argument("run", type=_OfARun(), required=False)
@_JSON
@click.pass_obj
def resume(store: Path, run: int | None, as_json: bool) -> None:
    """Continue RUN in the background.

    Without RUN, continue every run that waits or was interrupted, but none that was cancelled.
    """
    _go_on(store, run, as_json)


@jobs.command()
@_RUN
@_JSON
@click.pass_obj
def retry(store: Path, run: int, as_json: bool) -> None:
    """Continue RUN in the background, failed units included."""
    _go_on(store, run, as_json, failed=True)


def _go_on(store: Path, run: int | None, as_json: bool, failed: bool = False) -> None:
    """Queue what a run, or every run that was not cancelled, has left, and see that somebody computes it."""
    from circuit_store.queue import runs
    from circuit_store.queue.states import DROPPED_RUNS
    from circuit_tui.runs import jobs as queue

    chosen, total = queue.go_on(store, run, failed)
    if as_json:
        console.document({"runs": chosen, "queued": total})
    if total:
        units, program = f"{total} unit{'' if total == 1 else 's'}", paths.program(store)
        return console.told(f"{units} computed in the background: `{program} jobs list` shows how far they are.")
    said = "Nothing is left to compute."
    if run is None:
        with closing(open_to_read(store)) as db:
            dropped = (r for r in runs.listed(db) if r["state"] in DROPPED_RUNS)
            left = next((r["run"] for r in dropped if r["units"] > r["done"] + r["failed"]), None)
        if left is not None:
            said += f" A cancelled run is resumed by its number: `{paths.program(store)} jobs resume {left}`."
    console.told(said)


@jobs.command()
@_RUN
@_JSON
@click.pass_obj
def forget(store: Path, run: int, as_json: bool) -> None:
    """Take RUN off the list; its results stay."""
    from circuit_store.queue import control

    with closing(open_to_write(store)) as db:
        control.forget(db, run)
    if as_json:
        console.document({"run": run, "forgotten": True})
    console.told(f"Run {run} is off the list; its results stay.")


@jobs.command()
@_RUN
@_JSON
@click.pass_obj
def logs(store: Path, run: int, as_json: bool) -> None:
    """Print what runners logged about RUN."""
    from circuit_tui.runs import jobs as queue

    with closing(open_to_read(store)) as db:
        row = _one(db, run)
    file, found = queue.tail(store, run, row["log"])
    if as_json:
        console.document({"run": run, "log": str(file), "lines": found})
    else:
        console.shown("".join(f"{line}\n" for line in found), end="")


def _one(db: sqlite3.Connection, run: int) -> dict[str, Any]:
    """Raises: UnknownName."""
    from circuit_store.queue import runs

    if found := runs.listed(db, run):
        return found[0]
    held = ", ".join(str(row["run"]) for row in runs.listed(db)[:10]) or "none yet"
    raise UnknownName(f"There is no run {run}: the latest are {held}.")


def _tell_if_nobody_computes(store: Path) -> None:
    from circuit_sweep.runner import lock

    try:
        if not lock.held(store):
            console.told(f"No runner is at work: `{paths.program(store)} jobs resume` starts one.")
    except lock.LockUnusable as error:
        console.told(f"No runner of yours is at work: {error}")


def _print(document: dict[str, Any], rows: list[dict[str, Any]], columns: list[str], as_json: bool) -> None:
    if as_json:
        console.document(document, indent=1)
    else:
        console.table([{c: cell(row[c]) for c in columns} for row in rows], columns)


def cell(value: Any) -> Any:
    return ", ".join(value) if isinstance(value, list) else value
