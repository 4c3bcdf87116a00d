"""From what is asked for to a run in the queue. Everything is read and checked before anything is written."""

import sqlite3
from dataclasses import dataclass, replace
from pathlib import Path

from circuit_core.tasks.specs import TaskSpec
from circuit_store import results, task_files
from circuit_store.queue import control, requests
from circuit_store.transactions import transaction
from circuit_sweep.planning import task_names, texts
from circuit_sweep.planning.missing import Survey, note, surveys
from circuit_sweep.planning.request import Request
from circuit_sweep.runner import launch, lock
from circuit_tui.runs.run_request import RunRequest


@dataclass(frozen=True)
class Plan:
    """What is asked for, and what of it is missing; nothing of it is written yet."""

    asked: RunRequest
    request: Request
    text: texts.Text | None
    tasks: list[TaskSpec]
    surveys: list[Survey]


@dataclass(frozen=True)
class SubmittedRun:
    """What became of it."""

    surveys: list[Survey]
    run: int | None
    """The run that computes what is missing; None if nothing is."""
    checkpoints: list[int]
    """What it is to compute."""
    answering: tuple[str, ...]
    """Models of which nothing is missing, but whose results that are there are shown now in place of others."""

    @property
    def total(self) -> int:
        """Checkpoints."""
        return sum(len(s.steps) for s in self.surveys)

    @property
    def missing(self) -> int:
        """Checkpoints that lack something."""
        return sum(len(s.missing) for s in self.surveys)


def plan(db: sqlite3.Connection, asked: RunRequest) -> Plan:
    """Raises: CircuitError, StoreError, ValueError."""
    text = texts.given(asked.text) if asked.text else None
    request = replace(asked.request, text=text.hash) if text else asked.request
    tasks = [task_names.find(db, name) for name in request.tasks]
    found = surveys(db, asked.models, asked.checkpoints, request, tasks)
    return Plan(asked, request, text, tasks, found)


def queue(db: sqlite3.Connection, plan: Plan, asker: int) -> SubmittedRun:
    """Queue what is missing, in one transaction. Raises: StoreError or LockUnusable, and the store is as it was.

    Args:
        asker: the process that wants it, or `control.DETACHED`.
    """
    with transaction(db):
        run, missing = _run(db, plan)
        if run is not None:
            control.ask(db, run, asker)
        others = (s.model.name for s in plan.surveys if results.ask_again(db, s.model.name, s.held) and not s.missing)
        queued = SubmittedRun(plan.surveys, run, missing, tuple(others))
    if queued.answering:  # no run will be there at whose end their trends follow; the explorer asks, too
        launch.refresh_trends(_path(db), queued.answering)
    return queued


def _run(db: sqlite3.Connection, plan: Plan) -> tuple[int | None, list[int]]:
    request = replace(plan.request, tasks=task_names.keep(db, plan.tasks))
    if plan.text:
        task_files.keep_text(db, plan.text.hash, plan.text.content)
    missing = [checkpoint for s in plan.surveys for checkpoint in note(db, s)]
    words = {"models": [s.model.name for s in plan.surveys], "checkpoints": plan.asked.checkpoints, **vars(request)}
    if not missing:
        return None, []
    lock.check(_path(db))
    return requests.add_run(db, words, missing, plan.asked.how.priority, vars(plan.asked.slots)), missing


def _path(db: sqlite3.Connection) -> Path:
    return Path(db.execute("PRAGMA database_list").fetchone()["file"])
