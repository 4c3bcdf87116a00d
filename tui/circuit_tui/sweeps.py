"""Ask for a sweep, follow it or leave it to itself, and say what came of it."""

import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import click

from circuit_core.graph import Graph
from circuit_core.sweep import texts
from circuit_core.sweep.plan import Planned, plan
from circuit_core.sweep.request import ANALYSES, Request
from circuit_core.sweep.task_names import keep_files
from circuit_store import addresses, control, queries, requests, runs
from circuit_store.models import held_model
from circuit_store.store import open_to_write
from circuit_tui import following, jobs
from circuit_tui.asking import Asked
from circuit_tui.printing import plain

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
            click.echo(f"circuit-tui: run {number} was {state} elsewhere; the same command goes on.", err=True)
            return 130
    computed = _missing(planned) - len(failed)
    for model, step, reason in failed:
        click.echo(plain(f"{model}@{step} failed: {reason}"), err=True)
    already = _total(planned) - _missing(planned)
    click.echo(f"{_checkpoints(computed)} computed, {already} were already there, {len(failed)} failed.", err=True)
    if as_json:
        rows = [{"model": m, "step": s, "error": e} for m, s, e in failed]
        click.echo(json.dumps({"run": number, "computed": computed, "already": already, "failed": rows}))
    _warn_of_undefined(db, number)
    return 1 if failed else 0


def _detach(db: sqlite3.Connection, store: Path, run: int, planned: list[Planned], as_json: bool) -> int:
    jobs.leave_to_runner(db, store, run)
    click.echo(
        f"Run {run} computes {_checkpoints(_missing(planned))} in the background: `circuit-tui jobs show {run}` looks "
        f"at it, `circuit-tui jobs cancel {run}` ends it.",
        err=True,
    )
    if as_json:
        click.echo(
            json.dumps({"run": run, "queued": _missing(planned), "already": _total(planned) - _missing(planned)})
        )
    return 0


def _queue(db: sqlite3.Connection, asked: Asked) -> tuple[list[Planned], int | None]:
    """Note models, text and tasks, and what they lack. Returns the run's number, None if nothing is missing."""
    request = replace(asked.request, text=texts.keep(db, asked.text)) if asked.text else asked.request
    request = keep_files(db, request)
    planned = [plan(db, name, asked.checkpoints, request) for name in dict.fromkeys(asked.models)]
    missing = [c for p in planned for c in p.missing]
    words = {"models": [p.model for p in planned], "checkpoints": asked.checkpoints, **vars(request)}
    if not missing:
        return planned, None
    return planned, requests.add_run(db, words, missing, asked.how.priority, vars(asked.slots))


def _state_cost(db: sqlite3.Connection, planned: list[Planned], request: Request) -> None:
    """Exact patching runs the model once an edge and once a node: say so before it begins."""
    if request.method != "exact" or "circuit" not in request.analyses:
        return
    for p in planned:
        of = held_model(db, p.model)
        if p.missing and of and of.n_layers and of.n_heads:
            graph = Graph(of.n_layers, of.n_heads, bool(of.parallel))
            runs = (graph.n_edges + graph.n_sources) * len(request.tasks)
            click.echo(f"exact patching: {runs:,} forward runs for each checkpoint of {plain(p.model)}", err=True)


def _checkpoints(n: int) -> str:
    return f"{n} checkpoint{'' if n == 1 else 's'}"


def _total(planned: list[Planned]) -> int:
    return sum(p.total for p in planned)


def _missing(planned: list[Planned]) -> int:
    return sum(len(p.missing) for p in planned)


def _warn_of_undefined(db: sqlite3.Connection, run: int | None) -> None:
    """Say once what could not be computed anywhere in this run, for instance a task without its words."""
    for reason, count in runs.undefined(db, run) if run is not None else []:
        click.echo(plain(f"warning: {reason} ({count} results have no value)"), err=True)


def summary(store: Path, models: list[str]) -> None:
    """What the last checkpoint of each model shows, as a table on stdout."""
    from circuit_store.store import open_to_read
    from circuit_tui.printing import table

    db = open_to_read(store)
    click.echo(table([_summary(db, m) for m in models], None), nl=False)
    click.echo("Look closer: circuit-tui   (or: circuit-tui show circuit sample-0.2m@final --task ioi)")


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
