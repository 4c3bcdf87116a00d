"""Ask for a sweep, follow it or leave it to itself, and say what came of it."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from circuit_core.circuits.methods import exact_cost
from circuit_core.graph import Graph
from circuit_core.sweep import launch, task_names, texts
from circuit_core.sweep.plan import Survey, note, survey
from circuit_core.sweep.request import ANALYSES, Request
from circuit_core.sweep.request import jobs as jobs_of
from circuit_store import addresses, control, queries, requests, results, runs
from circuit_store.models import held_model
from circuit_store.store import open_to_write, transaction
from circuit_tui import echo, following, jobs
from circuit_tui.asking import Asked

DEMO = Request(analyses=ANALYSES)
"""One task, with everything that is computed of it: a minute or two for the sample suite."""
SUMMED = ("previous_token", "induction", "name_mover", "copy_suppression", "successor")
"""Roles whose best head the summary names."""


def demo(models: list[str]) -> Asked:
    """The demo's request, of all checkpoints."""
    return Asked(tuple(models), "all", DEMO)


def begin(store: Path, asked: Asked) -> str:
    """Queue what is missing and see that somebody computes it; returns what to tell the user."""
    with closing(open_to_write(store)) as db:
        planned, run = _queue(db, asked)
        if run is None:
            return f"{_checkpoints(_total(planned))} computed already: nothing to do."
        jobs.leave_to_runner(db, store, run)
    return f"Computing {_checkpoints(_missing(planned))} in the background; that goes on if you leave."


def begin_patch(store: Path, model: str, step: int, task: str, receivers: Iterable[str]) -> dict[str, int]:
    """Queue path patching of all heads into each set of receivers, where it is missing, and start a detached runner.

    Returns:
        The number of the run that computes it, for each set that is not in the store yet.

    Raises:
        StoreUnusable: nothing can be written.
        CircuitError: the model's folder or the task's file is gone.
    """
    with closing(open_to_write(store)) as db:
        asked = {to: Asked((model,), str(step), _patching(task, to)) for to in receivers}
        queued = {to: _queue(db, of)[1] for to, of in asked.items()}
        found = {to: number for to, number in queued.items() if number is not None}
        for number in found.values():
            control.ask(db, number, control.DETACHED)
        if found:
            jobs.see_to_runner(db, store)
    return found


def _patching(task: str, to: str) -> Request:
    wanted = {"to": to, "senders": "all", "freeze_mlps": False}
    return Request(tasks=(task,), analyses=("patch",), patch=wanted)


def run(store: Path, asked: Asked, as_json: bool = False) -> int:
    """Compute, in the foreground if nothing else is said; returns the exit code."""
    db = open_to_write(store)
    planned, number = _queue(db, asked)
    if number is not None:
        _state_cost(db, planned, asked.request)
    if number is not None and asked.how.detach:
        return _detach(db, store, number, planned, as_json)
    failed: list[tuple[str, int, str]] = []
    if number is not None:
        following.follow(db, store, number, _missing(planned))
        failed = runs.failures(db, number)
        if (state := runs.run_state(db, number)) in ("cancelled", "interrupted"):
            echo.told(f"circuit-tui: run {number} was {state} elsewhere; the same command goes on.")
            return 130
    computed = _missing(planned) - len(failed)
    for model, step, reason in failed:
        echo.told(f"{model}@{step} failed: {reason}")
    already = _total(planned) - _missing(planned)
    echo.told(f"{_checkpoints(computed)} computed, {already} were already there, {len(failed)} failed.")
    if as_json:
        rows = [{"model": m, "step": s, "error": e} for m, s, e in failed]
        echo.document({"run": number, "computed": computed, "already": already, "failed": rows})
    _warn_of_undefined(db, number)
    return 1 if failed else 0


def _detach(db: sqlite3.Connection, store: Path, run: int, planned: list[Survey], as_json: bool) -> int:
    jobs.leave_to_runner(db, store, run)
    echo.told(
        f"Run {run} computes {_checkpoints(_missing(planned))} in the background: `circuit-tui jobs show {run}` looks "
        f"at it, `circuit-tui jobs cancel {run}` ends it."
    )
    if as_json:
        echo.document({"run": run, "queued": _missing(planned), "already": _total(planned) - _missing(planned)})
    return 0


def _queue(db: sqlite3.Connection, asked: Asked) -> tuple[list[Survey], int | None]:
    """What is missing, and the run that computes it. Everything is read and checked before anything is written.

    Raises:
        CircuitError, StoreError, ValueError: the store is as it was.
    """
    text = texts.read(asked.text) if asked.text else None
    request = replace(asked.request, text=text.hash) if text else asked.request
    tasks = [task_names.find(db, name) for name in request.tasks]
    planned = [survey(db, name, asked.checkpoints, request, tasks) for name in dict.fromkeys(asked.models)]
    with transaction(db):
        request = replace(request, tasks=task_names.keep(db, tasks))
        if text:
            texts.keep(db, text)
        missing = [checkpoint for p in planned for checkpoint in note(db, p)]
        others = [p.model.name for p in planned if results.ask_again(db, p.model.name, p.held) and not p.missing]
        words = {"models": [p.model.name for p in planned], "checkpoints": asked.checkpoints, **vars(request)}
        run = requests.add_run(db, words, missing, asked.how.priority, vars(asked.slots)) if missing else None
    if others:
        _refresh_trends(db, others)
    return planned, run


def _refresh_trends(db: sqlite3.Connection, models: list[str]) -> None:
    """Other results answer than before, and no run will be there at whose end the trends follow.

    A process of its own computes them: the explorer asks too.
    """
    launch.ask("circuit_core.sweep.trending", db.execute("PRAGMA database_list").fetchone()["file"], *models)


def _state_cost(db: sqlite3.Connection, planned: list[Survey], request: Request) -> None:
    """Exact patching runs the model once an edge and once a node: say so before it begins."""
    asked = jobs_of(request, [task_names.find(db, name) for name in request.tasks], None)
    tasks = {job.task for job in asked if job.params.get("method") == "exact"}
    for p in planned if tasks else ():
        of = held_model(db, p.model.name)
        if p.missing and of and of.n_layers and of.n_heads:
            cost = exact_cost(Graph(of.n_layers, of.n_heads, bool(of.parallel))) * len(tasks)
            echo.told(f"exact patching: {cost:,} forward runs for each checkpoint of {p.model.name}")


def _checkpoints(n: int) -> str:
    return f"{n} checkpoint{'' if n == 1 else 's'}"


def _total(planned: list[Survey]) -> int:
    return sum(len(p.steps) for p in planned)


def _missing(planned: list[Survey]) -> int:
    return sum(len(p.missing) for p in planned)


def _warn_of_undefined(db: sqlite3.Connection, run: int | None) -> None:
    """Say once what could not be computed anywhere in this run, for instance a task without its words."""
    for reason, count in runs.undefined(db, run) if run is not None else []:
        echo.told(f"warning: {reason} ({count} results have no value)")


def summary(store: Path, models: list[str]) -> None:
    """What the last checkpoint of each model shows, as a table on stdout."""
    from circuit_store.store import open_to_read
    from circuit_tui.printing import table

    db = open_to_read(store)
    echo.shown(table([_summary(db, m) for m in models], None), end="")
    echo.shown("Look closer: circuit-tui   (or: circuit-tui show circuit sample-0.2m@final --task ioi)")


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
