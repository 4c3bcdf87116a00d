"""Ask for a sweep, follow it or leave it to itself, and say what came of it: `run`, `demo` and `patch`."""

import os
from pathlib import Path

from circuit_store.queue import control, runs
from circuit_store.queue.states import RunState
from circuit_store.store import open_to_write
from circuit_sweep.planning.estimate import exact_runs
from circuit_tui import paths
from circuit_tui.cli import follow
from circuit_tui.runs import cost_report, jobs, submit
from circuit_tui.runs.run_request import RunRequest
from circuit_tui.runs.sweeps import answering, checkpoints_in_words
from circuit_tui.terminal import console


def compute(store: Path, asked: RunRequest, as_json: bool = False) -> int:
    """Compute, in the foreground if nothing else is said; returns the exit code."""
    db = open_to_write(store)
    plan = submit.plan(db, asked)
    for survey in plan.surveys:
        if survey.model.name not in (survey.given, Path(survey.given).name):
            console.told(f"{survey.given} goes by the name {survey.model.name}.")
        for said in survey.warnings:
            console.told(f"warning: {said}")
    for runs_of_model in exact_runs(plan.surveys):
        console.told(cost_report.exact(runs_of_model))
    with follow.Interruption() as interruption:
        queued = submit.queue(db, plan, control.DETACHED if asked.how.detach else os.getpid())
        number = queued.run
        if queued.answering:
            console.told(answering(queued))
        if number is not None and not asked.how.detach:
            follow.follow(db, store, number, queued.missing, interruption)
    if number is not None and asked.how.detach:
        jobs.see_to_runner(db, store)
        command, missing = f"{paths.program(store)} jobs", checkpoints_in_words(queued.missing)
        shown = f"`{command} show {number}` shows it, `{command} cancel {number}` cancels it."
        console.told(f"Run {number} computes {missing} in the background: {shown}")
        if as_json:
            console.document({"run": number, "queued": queued.missing, "already": queued.total - queued.missing})
        return 0
    # What came of it.
    failed = [] if number is None else runs.failures(db, number)
    state = None if number is None else runs.run_state(db, number)
    if state in (RunState.CANCELLED, RunState.INTERRUPTED):
        console.told(f"circuit-tui: run {number} was {state} elsewhere; the same command goes on.")
        return 130
    db.in_place()
    computed = 0 if number is None else runs.computed(db, number, queued.checkpoints)
    for model, step, reason in failed:
        console.told(f"{model}@{step} failed: {reason}")
    already = queued.total - computed - len(failed)
    console.told(f"{checkpoints_in_words(computed)} computed, {already} were already there, {len(failed)} failed.")
    if as_json:
        rows = [{"model": m, "step": s, "error": e} for m, s, e in failed]
        console.document({"run": number, "computed": computed, "already": already, "failed": rows})
    for reason, count in [] if number is None else runs.undefined(db, number):
        console.told(f"warning: {reason} ({'1 result has' if count == 1 else f'{count} results have'} no value)")
    return 1 if failed else 0
