"""Ask for a sweep, follow it or leave it to itself, and say what came of it."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from circuit_core.circuits.methods import exact_cost
from circuit_core.graph import Graph
from circuit_core.sweep import task_names, texts
from circuit_core.sweep.plan import Planned, note, plan
from circuit_core.sweep.request import ANALYSES, Request
from circuit_core.sweep.slots import Slots
from circuit_store import addresses, control, queries, requests, runs
from circuit_store.models import held_model
from circuit_store.store import open_to_write, transaction
from circuit_tui import echo, following, jobs

DEMO = Request(analyses=ANALYSES)
"""One task, with everything that is computed of it: a minute or two for the sample suite."""
SUMMED = ("previous_token", "induction", "name_mover", "copy_suppression", "successor")
"""Roles whose best head the summary names."""


@dataclass(frozen=True)
class How:
    """What a sweep is apart from its numbers."""

    slots: Slots = Slots()
    """Where a runner computes if this sweep starts one; the request names the devices."""
    priority: int = 0
    detach: bool = False


def begin(store: Path, models: list[str], request: Request) -> str:
    """Queue what is missing and see that somebody computes it; returns what to tell the user."""
    db = open_to_write(store)
    planned, run = _queue(db, models, "all", request)
    if run is None:
        return f"{_checkpoints(_total(planned))} computed already: nothing to do."
    jobs.leave_to_runner(db, store, run)
    db.close()
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
        asked = {to: _queue(db, [model], str(step), _patching(task, to), How())[1] for to in receivers}
        found = {to: number for to, number in asked.items() if number is not None}
        for number in found.values():
            control.ask(db, number, control.DETACHED)
        if found:
            jobs.see_to_runner(db, store)
    return found


def _patching(task: str, to: str) -> Request:
    wanted = {"to": to, "senders": "all", "freeze_mlps": False}
    return Request(tasks=(task,), analyses=("patch",), patch=wanted)


def run(
    store: Path,
    models: list[str],
    schedule: str,
    request: Request,
    as_json: bool = False,
    text: Path | None = None,
    how: How | None = None,
) -> int:
    """Compute, in the foreground if nothing else is said; returns the exit code."""
    how = how or How()
    db = open_to_write(store)
    planned, number = _queue(db, models, schedule, request, how, texts.read(text) if text else None)
    if number is not None:
        _state_cost(db, planned, request)
    if number is not None and how.detach:
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


def _detach(db: sqlite3.Connection, store: Path, run: int, planned: list[Planned], as_json: bool) -> int:
    jobs.leave_to_runner(db, store, run)
    echo.told(
        f"Run {run} computes {_checkpoints(_missing(planned))} in the background: `circuit-tui jobs show {run}` looks "
        f"at it, `circuit-tui jobs cancel {run}` ends it."
    )
    if as_json:
        echo.document({"run": run, "queued": _missing(planned), "already": _total(planned) - _missing(planned)})
    return 0


def _queue(
    db: sqlite3.Connection,
    models: list[str],
    schedule: str,
    request: Request,
    how: How | None = None,
    text: texts.Text | None = None,
) -> tuple[list[Planned], int | None]:
    """What is missing, and the run that computes it. Everything is read and checked before anything is written.

    Raises:
        CircuitError, StoreError, ValueError: the store is as it was.
    """
    how, request = how or How(), replace(request, text=text.hash) if text else request
    tasks = [task_names.find(db, name) for name in request.tasks]
    planned = [plan(db, name, schedule, request, tasks) for name in dict.fromkeys(models)]
    with transaction(db):
        request = replace(request, tasks=task_names.keep(db, tasks))
        if text:
            texts.keep(db, text)
        missing = [checkpoint for p in planned for checkpoint in note(db, p)]
        asked = {"models": [p.model for p in planned], "checkpoints": schedule, **vars(request)}
        slots = vars(replace(how.slots, device=request.device))
        return planned, requests.add_run(db, asked, missing, how.priority, slots) if missing else None


def _state_cost(db: sqlite3.Connection, planned: list[Planned], request: Request) -> None:
    """Exact patching runs the model once an edge and once a node: say so before it begins."""
    if request.method != "exact" or "circuit" not in request.analyses:
        return
    for p in planned:
        of = held_model(db, p.model)
        if p.missing and of and of.n_layers and of.n_heads:
            graph = Graph(of.n_layers, of.n_heads, bool(of.parallel))
            runs = exact_cost(graph) * len(request.tasks)
            echo.told(f"exact patching: {runs:,} forward runs for each checkpoint of {p.model}")


def _checkpoints(n: int) -> str:
    return f"{n} checkpoint{'' if n == 1 else 's'}"


def _total(planned: list[Planned]) -> int:
    return sum(p.total for p in planned)


def _missing(planned: list[Planned]) -> int:
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
