"""Sweeps and path patching that the explorer asks for: they are queued, and a runner computes them."""

from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from circuit_store.queue import control
from circuit_store.queue.units import BY_HAND
from circuit_store.store import open_to_write
from circuit_sweep.planning.request import Request
from circuit_tui.runs import jobs, submit
from circuit_tui.runs.run_request import How, RunRequest


def begin(store: Path, asked: RunRequest) -> str:
    """Queue what is missing and see that somebody computes it; returns what to tell the user."""
    with closing(open_to_write(store)) as db:
        queued = submit.queue(db, submit.plan(db, asked), control.DETACHED)
        if queued.run is not None:
            jobs.see_to_runner(db, store)
    if queued.run is not None:
        begun = f"Computing {checkpoints_in_words(queued.missing)} in the background; that goes on if you leave."
    else:
        begun = f"{checkpoints_in_words(queued.total)} computed already{'' if queued.answering else ': nothing to do'}."
    warnings = (said for survey in queued.surveys for said in survey.warnings)
    return " ".join(filter(None, (begun, answering(queued), *warnings)))


def answering(queued: submit.SubmittedRun) -> str:
    """That views show other results than before; empty if they do not."""
    which = ", ".join(queued.answering)
    return f"The results of {which} that were there already are shown now, in place of others." if which else ""


def begin_patch(store: Path, model: str, step: int, task: str, receivers: Iterable[str]) -> dict[str, int]:
    """Queue path patching of all heads into each set of receivers, where it is missing, and start a detached runner.

    Returns:
        The number of the run that computes it, for each set that is not in the store yet.

    Raises:
        StoreUnusable: nothing can be written.
        CircuitError: the model's folder or the task's file is gone.
    """
    with closing(open_to_write(store)) as db:
        found: dict[str, int] = {}
        for to in receivers:
            wanted = {"to": to, "senders": "all", "freeze_mlps": False}
            request = Request(tasks=(task,), analyses=("patch",), patch=wanted)
            asked = RunRequest((model,), str(step), request, how=How(priority=BY_HAND))
            run = submit.queue(db, submit.plan(db, asked), control.DETACHED).run
            if run is not None:
                found[to] = run
        if found:
            jobs.see_to_runner(db, store)
    return found


def checkpoints_in_words(n: int) -> str:
    return f"{n} checkpoint{'' if n == 1 else 's'}"
