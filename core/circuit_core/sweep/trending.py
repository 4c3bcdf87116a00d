"""At a run's end: what the checkpoints of a model show together (METHODS g), from the store into the store.

    python -m circuit_core.sweep.trending STORE MODEL...

Each role on each task, and each task, rests on the one set of parameters that answers in every view, and its rows name
it; checkpoints that repeat another are left out.
"""

import sqlite3
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from circuit_core.trends.emergence import FLOORS, TASK_OF, HeadEmergence, role_emergence
from circuit_core.trends.figures import Shown, figure_2_head, top_heads
from circuit_core.trends.handoffs import handoffs
from circuit_core.trends.tasks import HALF, TaskAcquisition, task_acquisition
from circuit_store import queries, trends
from circuit_store.errors import StoreError
from circuit_store.store import close_writer, open_to_write
from circuit_store.trends import Emergence, Handoff


def refresh(db: sqlite3.Connection, model: str) -> None:
    """Compute the trends of a model anew."""
    last = trends.last_result(db, model)
    own = _Model(db, model)
    rows = [row for task in queries.tasks(db, model) for row in own.task(task)]
    passed: list[Handoff] = []
    for role, task in queries.scored(db, model):
        if role in FLOORS:
            found, handed = own.role(role, task)
            rows, passed = rows + found, passed + handed
    trends.replace(db, model, rows, passed, last)


class _Model:
    """The series of one model."""

    def __init__(self, db: sqlite3.Connection, model: str) -> None:
        self.db, self.model = db, model
        self.steps = [c.step for c in queries.checkpoints(db, model) if c.status == "ok"]
        self.place = {step: i for i, step in enumerate(self.steps)}

    def task(self, task: str) -> list[Emergence]:
        metric, error = np.full((2, len(self.steps)), np.nan)
        rows = queries.behaviour(self.db, self.model, task)
        of = {"task": task, "dtype": rows[0]["dtype"] if rows else None}
        known = [row for row in rows if row["value"] is not None and row["step"] in self.place]
        for row in known:
            metric[self.place[row["step"]]], error[self.place[row["step"]]] = row["value"], row["stderr_plain"]
        if known and known[-1]["stderr_plain"] is None:
            return [Emergence("task", task, value=known[-1]["value"], reason=known[-1]["reason"], **of)]
        return [replace(row, **of) for row in _acquired(task, task_acquisition(self.steps, metric, error))]

    def role(self, role: str, on: str | None) -> tuple[list[Emergence], list[Handoff]]:
        """A role on a task; `on` is None for roles that need none."""
        rows, of = self._rows(role, on), vars(queries.role_set(self.db, self.model, role, on))
        scores = self._scores(rows)
        if scores is None:
            return [Emergence("role", role, reason=_nowhere(rows), **of)], []
        inside, counts = self._in_circuit(on or TASK_OF[role], scores.shape[1:])
        found = role_emergence(self.steps, scores, role, inside)
        rows = [_earliest("role", role, found.anywhere)]
        rows += [_earliest("role_in_circuit", role, found.in_circuit)] if found.in_circuit else []
        emerged = sorted((h for h in found.heads if h.emerged_step is not None), key=lambda h: h.emerged_step or 0)
        rows += [_row("head", role, head) for head in emerged]
        rows += _shown("figure_2_head", role, figure_2_head(self.steps, scores, role, inside))
        rows += _shown("top_head", role, top_heads(self.steps, scores, role, counts, inside))
        passed = [Handoff(**vars(h), **of) for h in handoffs(self.steps, found.heads)]
        return [replace(row, **of) for row in rows], passed

    def _rows(self, role: str, on: str | None) -> list[dict[str, Any]]:
        """Of the view `heads`."""
        found = queries.rows(self.db, queries.view("heads"), {"model": self.model, "role": role, "task": on})
        return [r for r in found if r["step"] in self.place]

    def _scores(self, rows: list[dict[str, Any]]) -> np.ndarray | None:
        """[step, layer, head]; None if the role is defined nowhere."""
        known = [r for r in rows if r["value"] is not None]
        if not known:
            return None
        shape = (max(r["layer"] for r in known) + 1, max(r["head"] for r in known) + 1)
        scores = np.full((len(self.steps), *shape), np.nan)
        for r in known:
            scores[self.place[r["step"]], r["layer"], r["head"]] = r["value"]
        return scores

    def _in_circuit(self, task: str, shape: Any) -> tuple[np.ndarray | None, np.ndarray | None]:
        """Heads that both write and read in the task's circuit at some checkpoint, and at how many they are in it."""
        by_step = trends.circuit_heads(self.db, self.model, task)
        if not by_step:
            return None, None
        writes, reads, counts = np.zeros((3, *shape), int)
        for step in set(by_step) & set(self.place):
            for into, heads in zip((writes, reads, counts), (*by_step[step], set.union(*by_step[step])), strict=True):
                for layer, head in heads:
                    if layer < shape[0] and head < shape[1]:
                        into[layer, head] += 1
        return (writes > 0) & (reads > 0), counts


def _nowhere(rows: list[dict[str, Any]]) -> str:
    """Why a role is defined at no checkpoint: each reason that was given, once."""
    reasons = dict.fromkeys(r["reason"] for r in rows if r["reason"])
    return ": ".join(["undefined at every checkpoint", *(["; ".join(reasons)] if reasons else [])])


def _acquired(task: str, found: TaskAcquisition) -> list[Emergence]:
    half = found.half_threshold
    if half is None:
        return [Emergence("task", task, value=found.final, threshold=found.least, reason=found.reason)]
    early = None if found.minimum_step is not None else f"the first checkpoint has {HALF:.0%} already"
    return [
        Emergence("task", task, step=found.half_step, value=found.final, threshold=half),
        Emergence("task_most", task, step=found.most_step, value=found.final, threshold=found.most_threshold),
        Emergence("task_minimum", task, step=found.minimum_step, value=found.minimum, reason=early),
    ]


def _earliest(kind: str, role: str, found: Any) -> Emergence:
    if found.head is None:
        return Emergence(kind, role, threshold=FLOORS[role], reason=found.reason)
    return _row(kind, role, found.head)


def _shown(kind: str, role: str, found: Shown) -> list[Emergence]:
    return [
        Emergence(kind, role, h.layer, h.head, h.step, value=h.maximum, threshold=found.threshold) for h in found.heads
    ]


def _row(kind: str, role: str, h: HeadEmergence) -> Emergence:
    return Emergence(kind, role, h.layer, h.head, h.emerged_step, h.lost_step, h.maximum, h.threshold)


def main(store: str, *models: str) -> None:
    db = open_to_write(Path(store))
    for model in models:
        refresh(db, model)
    close_writer(db)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except StoreError as error:
        sys.exit(str(error))
