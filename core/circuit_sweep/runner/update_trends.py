"""At a run's end: what the checkpoints of a model show together (METHODS g), from the store into the store.

Each role on each task, and each task, is a series: it rests on the one configuration that is shown in every view,
and its rows name it. Of checkpoints with equal weights one is kept; what untrained heads reach is not a role (`floors`,
METHODS l.4). A circuit counts as its task's where the task is done and the threshold is reached (METHODS l.3).

Rows carry a mark of all that their series was computed from; while it is the same the series is not read again.
"""

import hashlib
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache, partial
from statistics import fmean
from typing import Any

import numpy as np
from jaxtyping import Float

from circuit_core.graph import Graph
from circuit_core.tasks.specs import labelled
from circuit_core.trends import floors
from circuit_core.trends.correlation import FROM_STEP
from circuit_core.trends.emergence import TASKS_OF, RoleEmergence, role_emergence
from circuit_core.trends.figures import figure_2_head, top_heads
from circuit_core.trends.handoffs import handoffs
from circuit_core.trends.similarity import Members
from circuit_core.trends.tasks import TaskAcquisition, task_acquisition
from circuit_store import queries, trend_circuits, trend_series, trends
from circuit_store.transactions import snapshot, transaction
from circuit_store.trend_circuits import CircuitReader
from circuit_store.trend_series import ShownResult
from circuit_store.trends import EmergenceRecord, SeriesTrends
from circuit_sweep.runner import circuit_trends, emergence_rows, fitted_trends
from circuit_sweep.runner.counted_circuits import CountedCircuits

DEFINITION = 2
"""Part of every mark; raised when the same results give other rows."""


def refresh(db: sqlite3.Connection, model: str) -> None:
    """Bring the trends of a model up to date, from whatever was there before to the rows that its results give.

    Others may write meanwhile. A result that is replaced before it is read leaves rows that are stale, with a mark of
    what is gone: the next refresh computes them anew.
    """
    with snapshot(db):
        last, held = trends.last_result(db, model), trends.held(db, model)
        of_model = _Model(db, model, held)
        series = list(of_model.series())
    found = [held.get(mark) or _marked(compute(), mark) for mark, compute in series]
    rows, passed = [row for of in found for row in of.emergences], [row for of in found for row in of.handoffs]
    further = {table: [row for of in found for row in of.further.get(table, [])] for table in trends.FURTHER}
    with transaction(db):
        of_model.of_circuits.pack()
        trends.replace(db, model, rows, passed, last, further)
        circuit_trends.correlate(db, model)


def similar_to(db: sqlite3.Connection, model: str, task: str, step: int) -> list[dict[str, Any]]:
    """Every circuit of a task against that of a chosen checkpoint, by column of the table `similarity`; `against` is
    `chosen`. Nothing is stored.
    """
    with snapshot(db):
        of = _Model(db, model, {})
        rows = of.similarities(task, of.shown.get(("circuit", None, task), []), 0, step)
    return [row for row in rows if row["against"] == "chosen"]


def _marked(of: SeriesTrends, mark: str) -> SeriesTrends:
    further = {table: [{**row, "rests_on": mark} for row in rows] for table, rows in of.further.items()}
    return SeriesTrends([replace(row, rests_on=mark) for row in of.emergences], of.handoffs, further)


class _Model:
    """The series of one model."""

    def __init__(self, db: sqlite3.Connection, model: str, held: dict[str, SeriesTrends]) -> None:
        self.db, self.model, self.graph = db, model, Graph(*trend_circuits.shape(db, model))
        self.of_circuits = CircuitReader(db, self.graph.n_sources, self.graph.n_ports)
        compared = (row for of in held.values() for row in of.further.get("similarity", []))
        self.compared = {row["pair"]: row for row in compared if row["pair"]}
        at = queries.checkpoints(db, model)
        # One that repeats another's weights counts if it was loaded: one of the hub is left out by its hash.
        loaded = [c for c in at if c.status == "ok" or (c.status == "duplicate_of" and c.fingerprint is not None)]
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
        for (analysis, _, task), found in sorted(self.shown.items(), key=lambda of: (of[0][0], of[0][2] or "")):
            if task and analysis in ("circuit", "algorithm"):
                others = trend_series.computed(self.db, self.model, analysis, task) - len(found)
                mark = self._mark(f"{analysis} {others}", task, None, found)
                if analysis == "circuit":
                    yield mark, partial(self._similar, task, found, others)
                else:
                    yield mark, partial(self._stages, task, found)

    def _mark(self, kind: str, name: str, on: str | None, found: list[ShownResult]) -> str:
        """Hash of what a series rests on: its results, and all checkpoints of the model."""
        of = kind, name, on, [(result.id, result.asked) for result in found], self.rests_on
        return hashlib.blake2b(repr(of).encode(errors="surrogatepass"), digest_size=16).hexdigest()

    def _similar(self, task: str, found: list[ShownResult], others: int) -> SeriesTrends:
        """Circuits for a task."""
        late = [of for of in found if of.step in self.place and of.step >= FROM_STEP]
        nodes = [of.n_nodes for of in late if of.n_nodes is not None]
        size = [{"task": task, "nodes": fmean(nodes), "checkpoints": len(nodes)}] if nodes else []
        return SeriesTrends([], [], {"similarity": self.similarities(task, found, others), "mean_size": size})

    def similarities(
        self, task: str, found: list[ShownResult], others: int, reference: int | None = None
    ) -> list[dict[str, Any]]:
        def members(result: ShownResult) -> Members:
            read = self.of_circuits.members(result)
            return Members.of(self.graph, read.edges, read.scores)

        kept = [result for result in found if result.step in self.place]
        scores = lambda result: trend_circuits.edge_scores(self.db, result.id)  # noqa: E731
        compared = circuit_trends.similarities(kept, self.compared, members, scores, others, reference)
        about = {"task": task, "method": found[0].method, "dtype": found[0].dtype} if found else {"task": task}
        return [row | about for row in compared]

    def _stages(self, task: str, found: list[ShownResult]) -> SeriesTrends:
        """Of the IOI algorithm, on a task."""
        kept = [result for result in found if result.step in self.place]
        stages = [trend_series.stages(self.db, result.id) for result in kept]
        rows = fitted_trends.of_stages([result.step for result in kept], stages)
        if not rows:
            why = dict.fromkeys(result.reason for result in kept if result.reason)
            rows = [{"reason": ": ".join(["undefined at every checkpoint", *(["; ".join(why)] if why else [])])}]
        of = {"task": task, "preset": found[0].preset, "dtype": found[0].dtype}
        return SeriesTrends([], [], {"stability": [row | of for row in rows]})

    def _task(self, task: str, results: list[ShownResult]) -> SeriesTrends:
        metric, error = np.full((2, len(self.steps)), np.nan)
        of = {"task": task, "dtype": results[0].dtype if results else None}
        rows = [(result, *trend_series.behaviour(self.db, result.id)) for result in results]
        known = [row for row in rows if row[1] is not None and row[0].step in self.place]
        for result, value, stderr in known:
            metric[self.place[result.step]], error[self.place[result.step]] = value, stderr
        if known and known[-1][2] is None:
            found = TaskAcquisition(
                known[-1][1], reason=known[-1][0].reason or "the final metric has no standard error"
            )
        else:
            found = task_acquisition(self.steps, metric, error)
        fit = fitted_trends.of_task(self.steps, self._tokens(), metric, error, found)
        further = {"logistic": [{"kind": "task", "name": task, **fit, **of}]}
        return SeriesTrends(emergence_rows.acquired(task, found, of), [], further)

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
            further = {"logistic": [{"kind": "role", "name": role}], "load": [{"role": role}]}
            return SeriesTrends(
                [EmergenceRecord("role", role, reason=nowhere, **of)],
                [],
                {table: [{**row, "reason": nowhere, **of} for row in rows] for table, rows in further.items()},
            )
        circuits = self.circuits(_tasks(role, on))
        allowed, counts = circuits.at(scores.shape[1:]) if circuits else (None, None)
        found = role_emergence(self.steps, scores, role, allowed, self._floor(role, read))
        told = [emergence_rows.earliest("role", found, found.anywhere)]
        if circuits and circuits.reason:
            told.append(emergence_rows.floored(EmergenceRecord("role_in_circuit", role, reason=circuits.reason), found))
            told += [EmergenceRecord(kind, role, reason=circuits.reason) for kind in ("figure_2_head", "top_head")]
        elif found.in_circuit:
            told.append(emergence_rows.earliest("role_in_circuit", found, found.in_circuit))
        seen = sorted((h for h in found.heads if h.state), key=lambda h: (h.emerged_step is None, h.emerged_step or 0))
        told += [emergence_rows.row("head", found, head) for head in seen]
        if not (circuits and circuits.reason):
            told += emergence_rows.shown("figure_2_head", role, figure_2_head(self.steps, scores, role, allowed))
            told += emergence_rows.shown("top_head", role, top_heads(self.steps, scores, role, counts, allowed))
        passed = [{**vars(h), "window_tokens": self._span(h), **of} for h in handoffs(self.steps, found.heads)]
        why_not = circuits.reason if circuits else None
        further = {
            "logistic": [{"name": role, **row, **of} for row in self._fitted(found, scores, results, why_not)],
            "load": [{"role": role, **row, **of} for row in fitted_trends.of_loads(self.steps, scores, found.floor)],
        }
        return SeriesTrends([replace(row, **of) for row in told], passed, further)

    def _fitted(
        self,
        found: RoleEmergence,
        scores: Float[np.ndarray, "step layer head"],
        results: list[ShownResult],
        why_not: str | None,
    ) -> Iterator[dict[str, Any]]:
        """The curves of the role's earliest heads; `why_not` says why no circuit counts."""
        heads = scores.shape[1] * scores.shape[2]
        places = {self.place[result.step]: result.id for result in results if result.step in self.place}

        def by_prompt(layer: int, head: int) -> Float[np.ndarray, "step prompt"] | None:
            number = layer * scores.shape[2] + head
            return trend_series.scores_by_prompt(self.db, places, number, heads, len(self.steps))

        fit = cache(partial(fitted_trends.of_role, self.steps, self._tokens(), scores, found.floor, by_prompt))
        yield {"kind": "role", **fit(found.anywhere)}
        if found.in_circuit:
            yield {"kind": "role_in_circuit", **(fit(found.in_circuit) if why_not is None else {"reason": why_not})}

    def _tokens(self) -> list[int | None]:
        """Seen by each checkpoint."""
        return [self.tokens[step] for step in self.steps]

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

    def _circuits(self, tasks: tuple[str, ...]) -> CountedCircuits | None:
        of_task = {task: self.shown.get(("circuit", None, task), []) for task in tasks}
        found = {task: kept for task, all_ in of_task.items() if (kept := [of for of in all_ if of.step in self.place])}
        return CountedCircuits.of(found, self.graph, lambda of: self.of_circuits.members(of).edges)

    def _span(self, of: Any) -> int | None:
        """Tokens between the ends of a hand-off's window."""
        at = self.place[of.lost_step]
        around = self.steps[max(0, at - of.window) : at + of.window + 1]
        first, last = self.tokens[around[0]], self.tokens[around[-1]]
        return None if first is None or last is None else last - first


def _tasks(role: str, on: str | None) -> tuple[str, ...]:
    """Those in whose circuits a role's heads are looked for; with a BOS token where only they are asked for."""
    return (on,) if on else tuple(labelled(task, bos) for bos in (False, True) for task in TASKS_OF[role])
