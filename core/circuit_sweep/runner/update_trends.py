"""At a run's end: what the checkpoints of a model show together (METHODS g), from the store into the store.

Each role on each task, and each task, rests on the one configuration that is shown in every view, and its rows name
it. Of checkpoints with equal weights one is kept; what untrained heads reach is not a role (`floors`, METHODS l.4). A
circuit counts as its task's where the task is done and the threshold is reached (METHODS l.3).
"""

import sqlite3
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from circuit_core.trends import floors
from circuit_core.trends.emergence import TASK_OF, Earliest, HeadEmergence, RoleEmergence, role_emergence
from circuit_core.trends.figures import FigureHeads, figure_2_head, top_heads
from circuit_core.trends.handoffs import handoffs
from circuit_core.trends.tasks import HALF_OF_FINAL, task_acquisition
from circuit_store import queries, trends
from circuit_store.trends import EmergenceRecord


def refresh(db: sqlite3.Connection, model: str) -> None:
    """Compute the trends of a model anew."""
    last = trends.last_result(db, model)
    own = _Model(db, model)
    rows = [row for task in queries.tasks(db, model) for row in own.task(task)]
    passed: list[dict[str, Any]] = []
    for role, task in queries.scored(db, model):
        if role in floors.ROLE_FLOORS:
            found, handed = own.role(role, task)
            rows, passed = rows + found, passed + handed
    trends.replace(db, model, rows, passed, last)


class _Model:
    """The series of one model."""

    def __init__(self, db: sqlite3.Connection, model: str) -> None:
        self.db, self.model = db, model
        loaded = [c for c in queries.checkpoints(db, model) if c.status in ("ok", "duplicate_of")]
        weights = {c.step: c.fingerprint for c in loaded}
        self.steps, self.untrained = floors.distinct(weights), floors.untrained(weights)
        self.place = {step: i for i, step in enumerate(self.steps)}
        self.tokens = {c.step: c.tokens for c in loaded}

    def task(self, task: str) -> list[EmergenceRecord]:
        metric, error = np.full((2, len(self.steps)), np.nan)
        rows = queries.behaviour(self.db, self.model, task)
        of = {"task": task, "dtype": rows[0]["dtype"] if rows else None}
        known = [row for row in rows if row["value"] is not None and row["step"] in self.place]
        for row in known:
            metric[self.place[row["step"]]], error[self.place[row["step"]]] = row["value"], row["stderr_plain"]
        if known and known[-1]["stderr_plain"] is None:
            return [EmergenceRecord("task", task, value=known[-1]["value"], reason=known[-1]["reason"], **of)]
        found = task_acquisition(self.steps, metric, error)
        if (half := found.half_threshold) is None:
            least = {"value": found.final, "threshold": found.least, "reason": found.reason}
            return [EmergenceRecord("task", task, **least, **of)]
        early = None if found.minimum_step is not None else f"the first checkpoint has {HALF_OF_FINAL:.0%} already"
        most, lowest = found.most_threshold, {"value": found.minimum, "reason": early}
        return [
            EmergenceRecord("task", task, step=found.half_step, value=found.final, threshold=half, **of),
            EmergenceRecord("task_most", task, step=found.most_step, value=found.final, threshold=most, **of),
            EmergenceRecord("task_minimum", task, step=found.minimum_step, **lowest, **of),
        ]

    def role(self, role: str, on: str | None) -> tuple[list[EmergenceRecord], list[dict[str, Any]]]:
        """A role on a task; `on` is None for roles that need none."""
        every, of = self._rows(role, on), vars(queries.role_set(self.db, self.model, role, on))
        rows = [r for r in every if r["step"] in self.place]
        scores = self._scores(rows)
        if scores is None:
            reasons = "; ".join(dict.fromkeys(r["reason"] for r in rows if r["reason"]))
            nowhere = ": ".join(["undefined at every checkpoint", *([reasons] if reasons else [])])
            return [EmergenceRecord("role", role, reason=nowhere, **of)], []
        circuits = self._circuits(on or TASK_OF[role], scores.shape[1:])
        found = role_emergence(self.steps, scores, role, circuits and circuits.allowed, self._floor(role, every))
        told = [_earliest("role", found, found.anywhere)]
        if circuits and circuits.reason:
            told.append(_floored(EmergenceRecord("role_in_circuit", role, reason=circuits.reason), found))
            told += [EmergenceRecord(kind, role, reason=circuits.reason) for kind in ("figure_2_head", "top_head")]
        elif found.in_circuit:
            told.append(_earliest("role_in_circuit", found, found.in_circuit))
        seen = sorted((h for h in found.heads if h.state), key=lambda h: (h.emerged_step is None, h.emerged_step or 0))
        told += [_row("head", found, head) for head in seen]
        if not (circuits and circuits.reason):
            allowed, counts = (circuits.allowed, circuits.counts) if circuits else (None, None)
            told += _shown("figure_2_head", role, figure_2_head(self.steps, scores, role, allowed))
            told += _shown("top_head", role, top_heads(self.steps, scores, role, counts, allowed))
        passed = [{**vars(h), "window_tokens": self._span(h), **of} for h in handoffs(self.steps, found.heads)]
        return [replace(row, **of) for row in told], passed

    def _rows(self, role: str, on: str | None) -> list[dict[str, Any]]:
        """Of the view `heads`; also of checkpoints that repeat another."""
        return queries.rows(self.db, queries.view("heads"), {"model": self.model, "role": role, "task": on})

    def _floor(self, role: str, rows: list[dict[str, Any]]) -> floors.Floor:
        """Above what the role's heads reach at the first untrained checkpoint at which one has a score."""
        for step in self.untrained:
            if values := [r["value"] for r in rows if r["step"] == step and r["value"] is not None]:
                return floors.floor_of(role, max(values), step)
        return floors.floor_of(role)

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

    def _circuits(self, task: str, shape: Any) -> "_Circuits | None":
        """None if the store holds no circuit of the task."""
        found = trends.circuit_heads(self.db, self.model, task)
        by_step = {step: heads for step, heads in found.by_step.items() if step in self.place}
        why_not = [reason for step, reason in found.why_not.items() if step in self.place]
        if not by_step and not why_not:
            return None
        writes, reads, counts = np.zeros((3, *shape), int)
        for of_step in by_step.values():
            for into, heads in zip((writes, reads, counts), (*of_step, set.union(*of_step)), strict=True):
                for layer, head in heads:
                    if layer < shape[0] and head < shape[1]:
                        into[layer, head] += 1
        reason = None if by_step else f"no circuit of {task} counts: {'; '.join(dict.fromkeys(why_not))}"
        return _Circuits((writes > 0) & (reads > 0), counts, reason)

    def _span(self, of: Any) -> int | None:
        """Tokens between the ends of a hand-off's window."""
        at = self.place[of.lost_step]
        around = self.steps[max(0, at - of.window) : at + of.window + 1]
        first, last = self.tokens[around[0]], self.tokens[around[-1]]
        return None if first is None or last is None else last - first


@dataclass(frozen=True)
class _Circuits:
    """The circuits of a task that count as such."""

    allowed: np.ndarray
    """[layer, head]: whether it both writes and reads in some."""
    counts: np.ndarray
    """[layer, head]: in how many it is."""
    reason: str | None
    """Why none counts, though some are stored."""


def _earliest(kind: str, found: RoleEmergence, earliest: Earliest) -> EmergenceRecord:
    if earliest.head is not None:
        return _row(kind, found, earliest.head)
    row = EmergenceRecord(kind, found.role, threshold=found.floor.value, reason=earliest.reason, state=earliest.state)
    return _floored(row, found)


def _shown(kind: str, role: str, found: FigureHeads) -> list[EmergenceRecord]:
    return [
        EmergenceRecord(kind, role, h.layer, h.head, h.step, value=h.maximum, threshold=found.threshold)
        for h in found.heads
    ]


def _row(kind: str, found: RoleEmergence, h: HeadEmergence) -> EmergenceRecord:
    at = h.layer, h.head, h.emerged_step, h.lost_step
    late = None if h.emerged_step is not None else "nothing confirms what the last checkpoint alone shows"
    return _floored(EmergenceRecord(kind, h.role, *at, h.maximum, h.threshold, reason=late, state=h.state), found)


def _floored(row: EmergenceRecord, found: RoleEmergence) -> EmergenceRecord:
    """With the floor of its role, and where that is from."""
    raised_at = found.floor.step
    return replace(row, floor=found.floor.value, floor_from="role" if raised_at is None else f"step {raised_at}")
