"""At a run's end: what the checkpoints of a model show together (METHODS g), from the store into the store.

Each role on each task, and each task, is a series: it rests on the one configuration that is shown in every view,
and its rows name it. Of checkpoints with equal weights one is kept; what untrained heads reach is not a role (`floors`,
METHODS l.4). A circuit counts as its task's where the task is done and the threshold is reached (METHODS l.3).

Rows carry a mark of all that their series was computed from; while it is the same the series is not read again.
"""

import hashlib
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from circuit_core.tasks.specs import labelled
from circuit_core.trends import floors
from circuit_core.trends.emergence import TASKS_OF, Earliest, HeadEmergence, RoleEmergence, role_emergence
from circuit_core.trends.figures import FigureHeads, figure_2_head, top_heads
from circuit_core.trends.handoffs import handoffs
from circuit_core.trends.tasks import HALF_OF_FINAL, task_acquisition
from circuit_store import queries, trend_series, trends
from circuit_store.transactions import snapshot
from circuit_store.trend_series import ShownResult
from circuit_store.trends import EmergenceRecord, SeriesTrends

DEFINITION = 1
"""Part of every mark; raised when the same results give other rows."""


def refresh(db: sqlite3.Connection, model: str) -> None:
    """Bring the trends of a model up to date, from whatever was there before to the rows that its results give.

    Others may write meanwhile. A result that is replaced before it is read leaves rows that are stale, with a mark of
    what is gone: the next refresh computes them anew.
    """
    with snapshot(db):
        last, held = trends.last_result(db, model), trends.held(db, model)
        series = list(_Model(db, model).series())
    found = [held.get(mark) or _marked(compute(), mark) for mark, compute in series]
    rows, passed = [row for of in found for row in of.emergences], [row for of in found for row in of.handoffs]
    trends.replace(db, model, rows, passed, last)


def _marked(of: SeriesTrends, mark: str) -> SeriesTrends:
    return SeriesTrends([replace(row, rests_on=mark) for row in of.emergences], of.handoffs)


def _is_loaded_twin(of: queries.CheckpointRow) -> bool:
    """Whether it repeats another's weights and was loaded; one of the hub is left out by its hash."""
    return of.status == "duplicate_of" and of.fingerprint is not None


class _Model:
    """The series of one model."""

    def __init__(self, db: sqlite3.Connection, model: str) -> None:
        self.db, self.model = db, model
        loaded = [c for c in queries.checkpoints(db, model) if c.status == "ok" or _is_loaded_twin(c)]
        weights = {c.step: c.fingerprint for c in loaded}
        self.steps, self.untrained = floors.distinct(weights), floors.untrained(weights)
        self.place = {step: i for i, step in enumerate(self.steps)}
        self.tokens = {c.step: c.tokens for c in loaded}
        self.rests_on = DEFINITION, [(c.step, c.tokens, c.fingerprint) for c in loaded]
        self.shown = trend_series.shown(db, model)
        self.circuits = cache(self._circuits)

    def series(self) -> Iterator[tuple[str, Callable[[], SeriesTrends]]]:
        """In order, the mark of each and what computes it. A role of which no result is shown has none."""
        for task in queries.tasks(self.db, self.model):
            found = self.shown.get(("behaviour", None, task), [])
            yield self._mark("task", task, None, found), partial(self._task, task, found)
        for role, on in queries.scored(self.db, self.model):
            found = self.shown.get(("heads", role, on))
            if found and role in floors.ROLE_FLOORS:
                circuits = [of for task in _tasks(role, on) for of in self.shown.get(("circuit", None, task), [])]
                yield self._mark("role", role, on, found + circuits), partial(self._role, role, on, found)

    def _mark(self, kind: str, name: str, on: str | None, found: list[ShownResult]) -> str:
        """Hash of what a series rests on: its results, and all checkpoints of the model."""
        of = kind, name, on, [(result.id, result.asked) for result in found], self.rests_on
        return hashlib.blake2b(repr(of).encode(errors="surrogatepass"), digest_size=16).hexdigest()

    def _task(self, task: str, found: list[ShownResult]) -> SeriesTrends:
        return SeriesTrends(self._acquired(task, found), [])

    def _acquired(self, task: str, results: list[ShownResult]) -> list[EmergenceRecord]:
        metric, error = np.full((2, len(self.steps)), np.nan)
        of = {"task": task, "dtype": results[0].dtype if results else None}
        rows = [(result, *trend_series.behaviour(self.db, result.id)) for result in results]
        known = [row for row in rows if row[1] is not None and row[0].step in self.place]
        for result, value, stderr in known:
            metric[self.place[result.step]], error[self.place[result.step]] = value, stderr
        if known and known[-1][2] is None:
            return [EmergenceRecord("task", task, value=known[-1][1], reason=known[-1][0].reason, **of)]
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

    def _role(self, role: str, on: str | None, results: list[ShownResult]) -> SeriesTrends:
        """A role on a task; `on` is None for roles that need none."""
        of = {"task": on, **{name: getattr(results[0], name) for name in ("preset", "text", "dtype")}}
        kept = [result for result in results if result.step in self.place]
        wanted = [result for result in results if result.step in self.place or result.step in self.untrained]
        read = {result.step: trend_series.head_scores(self.db, result.id) for result in wanted}
        scores = self._scores({result.step: read[result.step] for result in kept})
        if scores is None:
            reasons = "; ".join(trend_series.reasons(self.db, kept))
            nowhere = ": ".join(["undefined at every checkpoint", *([reasons] if reasons else [])])
            return SeriesTrends([EmergenceRecord("role", role, reason=nowhere, **of)], [])
        circuits = self.circuits(_tasks(role, on))
        allowed, counts = circuits.at(scores.shape[1:]) if circuits else (None, None)
        found = role_emergence(self.steps, scores, role, allowed, self._floor(role, read))
        told = [_earliest("role", found, found.anywhere)]
        if circuits and circuits.reason:
            told.append(_floored(EmergenceRecord("role_in_circuit", role, reason=circuits.reason), found))
            told += [EmergenceRecord(kind, role, reason=circuits.reason) for kind in ("figure_2_head", "top_head")]
        elif found.in_circuit:
            told.append(_earliest("role_in_circuit", found, found.in_circuit))
        seen = sorted((h for h in found.heads if h.state), key=lambda h: (h.emerged_step is None, h.emerged_step or 0))
        told += [_row("head", found, head) for head in seen]
        if not (circuits and circuits.reason):
            told += _shown("figure_2_head", role, figure_2_head(self.steps, scores, role, allowed))
            told += _shown("top_head", role, top_heads(self.steps, scores, role, counts, allowed))
        passed = [{**vars(h), "window_tokens": self._span(h), **of} for h in handoffs(self.steps, found.heads)]
        return SeriesTrends([replace(row, **of) for row in told], passed)

    def _floor(self, role: str, read: dict[int, np.ndarray]) -> floors.Floor:
        """Above what the role's heads reach at the first untrained checkpoint at which one has a score."""
        for step in self.untrained:
            if step in read and len(read[step]):
                return floors.floor_of(role, float(read[step][:, 2].max()), step)
        return floors.floor_of(role)

    def _scores(self, read: dict[int, np.ndarray]) -> Float[np.ndarray, "step layer head"] | None:
        """None if the role is defined nowhere."""
        known = [rows[:, :2].max(0) for rows in read.values() if len(rows)]
        if not known:
            return None
        scores = np.full((len(self.steps), *(np.max(known, 0).astype(int) + 1)), np.nan)
        for step, rows in read.items():
            layer, head = rows[:, :2].astype(int).T
            scores[self.place[step], layer, head] = rows[:, 2]
        return scores

    def _circuits(self, tasks: tuple[str, ...]) -> "_Circuits | None":
        """Of the first task of which one counts; None if the store holds no circuit of any."""
        of_task = {task: self.shown.get(("circuit", None, task), []) for task in tasks}
        found = {task: kept for task, all_ in of_task.items() if (kept := [of for of in all_ if of.step in self.place])}
        for results in found.values():
            counts = [of.id for of in results if of.why_not is None]
            if heads := [trend_series.circuit_heads(self.db, self.model, result) for result in counts]:
                return _Circuits(np.any(heads, 0).all(0), np.any(heads, 1).sum(0), None)
        if not found:
            return None
        why_not = dict.fromkeys(of.why_not for results in found.values() for of in results if of.why_not)
        reason = f"no circuit of {' or '.join(found)} counts: {'; '.join(why_not)}"
        return _Circuits(np.zeros((0, 0), bool), np.zeros((0, 0), int), reason)

    def _span(self, of: Any) -> int | None:
        """Tokens between the ends of a hand-off's window."""
        at = self.place[of.lost_step]
        around = self.steps[max(0, at - of.window) : at + of.window + 1]
        first, last = self.tokens[around[0]], self.tokens[around[-1]]
        return None if first is None or last is None else last - first


def _tasks(role: str, on: str | None) -> tuple[str, ...]:
    """Those in whose circuits a role's heads are looked for; with a BOS token where only they are asked for."""
    return (on,) if on else tuple(labelled(task, bos) for bos in (False, True) for task in TASKS_OF[role])


@dataclass(frozen=True)
class _Circuits:
    """The circuits of a task that count as such."""

    allowed: Bool[np.ndarray, "layer head"]
    """Whether it both writes and reads in some."""
    counts: Int[np.ndarray, "layer head"]
    """In how many it is."""
    reason: str | None
    """Why none counts, though some are stored."""

    def at(self, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
        """`allowed` and `counts` of that many layers and heads."""
        allowed, counts = np.zeros(shape, bool), np.zeros(shape, int)
        both = tuple(slice(min(sizes)) for sizes in zip(shape, self.counts.shape, strict=True))
        allowed[both], counts[both] = self.allowed[both], self.counts[both]
        return allowed, counts


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
