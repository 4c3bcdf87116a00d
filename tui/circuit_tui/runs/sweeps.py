"""Ask for a sweep, follow it or leave it to itself, and say what came of it."""

import os
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from circuit_store import addresses, queries
from circuit_store.queue import control, runs
from circuit_store.queue.states import RunState
from circuit_store.queue.units import BY_HAND
from circuit_store.store import open_to_write
from circuit_sweep.planning.exact_runs import exact_runs
from circuit_sweep.planning.request import ANALYSES, Request
from circuit_tui import paths
from circuit_tui.cli import follow
from circuit_tui.runs import cost_report, jobs, submit
from circuit_tui.runs.run_request import How, RunRequest
from circuit_tui.terminal import console

DEMO = Request(analyses=ANALYSES)
"""One task, with everything that is computed of it: a minute or two for the sample suite."""
SUMMED = ("previous_token", "induction", "name_mover", "copy_suppression", "successor")
"""Roles whose best head the summary names."""


def demo(models: list[str]) -> RunRequest:
    """The demo's request, of all checkpoints."""
    return RunRequest(tuple(models), "all", DEMO)


def begin(store: Path, asked: RunRequest) -> str:
    """Queue what is missing and see that somebody computes it; returns what to tell the user."""
    with closing(open_to_write(store)) as db:
        queued = submit.queue(db, submit.plan(db, asked), control.DETACHED)
        if queued.run is not None:
            jobs.see_to_runner(db, store)
    left_out = (survey.left_out for survey in queued.surveys)
    return " ".join(filter(None, (_begun(queued), _answering(queued), *left_out)))


def _begun(queued: submit.SubmittedRun) -> str:
    if queued.run is not None:
        return f"Computing {_checkpoints(queued.missing)} in the background; that goes on if you leave."
    return f"{_checkpoints(queued.total)} computed already{'' if queued.answering else ': nothing to do'}."


def _answering(queued: submit.SubmittedRun) -> str:
    """That views show other results than before; empty if they do not."""
    which = ", ".join(queued.answering)
    return f"Of {which} the results that are there answer now, in place of others." if which else ""


def begin_patch(store: Path, model: str, step: int, task: str, receivers: Iterable[str]) -> dict[str, int]:
    """Queue path patching of all heads into each set of receivers, where it is missing, and start a detached runner.

    Returns:
        The number of the run that computes it, for each set that is not in the store yet.

    Raises:
        StoreUnusable: nothing can be written.
        CircuitError: the model's folder or the task's file is gone.
    """
    with closing(open_to_write(store)) as db:
        next_one = How(priority=BY_HAND)
        asked = {to: RunRequest((model,), str(step), _patching(task, to), how=next_one) for to in receivers}
        queued = {to: submit.queue(db, submit.plan(db, of), control.DETACHED).run for to, of in asked.items()}
        found = {to: number for to, number in queued.items() if number is not None}
        if found:
            jobs.see_to_runner(db, store)
    return found


def _patching(task: str, to: str) -> Request:
    wanted = {"to": to, "senders": "all", "freeze_mlps": False}
    return Request(tasks=(task,), analyses=("patch",), patch=wanted)


def run(store: Path, asked: RunRequest, as_json: bool = False) -> int:
    """Compute, in the foreground if nothing else is said; returns the exit code."""
    db = open_to_write(store)
    plan = submit.plan(db, asked)
    for survey in plan.surveys:
        if survey.model.name not in (survey.given, Path(survey.given).name):
            console.told(f"{survey.given} goes by the name {survey.model.name}.")
        if survey.left_out:
            console.told(f"warning: {survey.left_out}")
    for runs_of_model in exact_runs(plan.surveys):
        console.told(cost_report.exact(runs_of_model))
    with follow.Interruption() as interruption:
        queued = submit.queue(db, plan, control.DETACHED if asked.how.detach else os.getpid())
        number = queued.run
        if queued.answering:
            console.told(_answering(queued))
        if number is not None and not asked.how.detach:
            follow.follow(db, store, number, queued.missing, interruption)
    if number is not None and asked.how.detach:
        return _detach(db, store, number, queued, as_json)
    failed: list[tuple[str, int, str]] = []
    if number is not None:
        failed = runs.failures(db, number)
        if (state := runs.run_state(db, number)) in (RunState.CANCELLED, RunState.INTERRUPTED):
            console.told(f"circuit-tui: run {number} was {state} elsewhere; the same command goes on.")
            return 130
    db.in_place()
    computed = 0 if number is None else runs.computed(db, number, queued.checkpoints)
    for model, step, reason in failed:
        console.told(f"{model}@{step} failed: {reason}")
    already = queued.total - computed - len(failed)
    console.told(f"{_checkpoints(computed)} computed, {already} were already there, {len(failed)} failed.")
    if as_json:
        rows = [{"model": m, "step": s, "error": e} for m, s, e in failed]
        console.document({"run": number, "computed": computed, "already": already, "failed": rows})
    _warn_of_undefined(db, number)
    return 1 if failed else 0


def _detach(db: sqlite3.Connection, store: Path, run: int, queued: submit.SubmittedRun, as_json: bool) -> int:
    jobs.see_to_runner(db, store)
    queue = f"{paths.program(store)} jobs"
    console.told(
        f"Run {run} computes {_checkpoints(queued.missing)} in the background: `{queue} show {run}` looks "
        f"at it, `{queue} cancel {run}` ends it."
    )
    if as_json:
        console.document({"run": run, "queued": queued.missing, "already": queued.total - queued.missing})
    return 0


def _checkpoints(n: int) -> str:
    return f"{n} checkpoint{'' if n == 1 else 's'}"


def _warn_of_undefined(db: sqlite3.Connection, run: int | None) -> None:
    """Say once what could not be computed anywhere in this run, for instance a task without its words."""
    for reason, count in runs.undefined(db, run) if run is not None else []:
        console.told(f"warning: {reason} ({count} results have no value)")


def summary(store: Path, models: list[str]) -> None:
    """What the last checkpoint of each model shows, as a table on stdout."""
    from circuit_store.store import open_to_read
    from circuit_tui.cli.view_output import table

    db = open_to_read(store)
    console.shown(table([_summary(db, m) for m in models], None), end="")
    program = paths.program(store)
    console.shown(f"Look closer: {program}   (or: {program} show circuit sample-0.2m@final --task ioi)")


def _summary(db: sqlite3.Connection, model: str) -> dict[str, object]:
    step = addresses.resolve_step(db, model, "final")
    row: dict[str, object] = {"model": model, "step": step}
    for found in queries.rows(db, queries.view("behaviour"), {"model": model, "step": step, "task": "ioi"}):
        row["ioi logit diff"] = found["value"]
    if circuit := queries.circuit(db, model, step, "ioi"):
        row["circuit edges"] = f"{circuit.header['n_edges']} of {circuit.header['n_edges_total']}"
        row["faithfulness"] = circuit.header["faithfulness"]
    for role in SUMMED:
        grid = queries.head_grid(db, model, step, role).values
        scored = [(v, f"a{i}.h{j}") for i, line in enumerate(grid) for j, v in enumerate(line) if v is not None]
        row[role] = "{1} {0:.2f}".format(*max(scored)) if scored else None
    return row
