"""One of two circuits that are compared: where it is of, its figures, its edges as arrays."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np

from circuit_core.graph import Graph
from circuit_core.trends.similarity import Members, shared
from circuit_store import addresses, blobs
from circuit_store.errors import UnknownName
from circuit_store.queries.arrangement import Arrangement
from circuit_store.queries.heads import MEASUREMENTS, role_tasks, strong_in
from circuit_store.queries.models import tasks
from circuit_store.queries.narrowing import narrowed
from circuit_store.queries.views import found, rows
from circuit_store.views.circuits import CIRCUITS, STORED

_STORED = ("result", "n_layers", "n_heads", "parallel", "scores_sources", "scores_ports")
_MISSING = "9e999"
"""SQL: infinity, in place of a score that is not there: SQLite has no NaN."""


@dataclass(frozen=True)
class Side:
    db: sqlite3.Connection
    header: dict[str, Any]
    """The columns of the view `circuits`."""
    stored: dict[str, Any]
    """`_STORED` of the view `stored`."""

    @property
    def name(self) -> str:
        return f"{self.header['model']}@{self.header['step']}/{self.header['task']}"

    @property
    def at(self) -> dict[str, Any]:
        return {name: self.header[name] for name in ("model", "step", "task")}

    @cached_property
    def graph(self) -> Graph:
        return Graph(self.stored["n_layers"], self.stored["n_heads"], bool(self.stored["parallel"]))

    @cached_property
    def members(self) -> Members:
        """Of the circuit; a score is NaN where it has none."""
        return members(self.db, self.graph, self.stored["result"])

    @cached_property
    def scores(self) -> np.ndarray | None:
        """[src, port]: of all edges of the model; None where the store has those of the circuit alone, or none."""
        return None if self._bytes is None else blobs.matrix(self._bytes, self._shape)

    def edge_scores(self, edges: np.ndarray) -> np.ndarray:
        """[edge]: of ids of `Members`, also of edges outside the circuit; NaN where the store has none."""
        if self._bytes is not None:
            port, source = np.divmod(edges, self.graph.n_sources)
            return blobs.values(self._bytes, source * self._shape[1] + port).astype(float)
        scores = np.full(len(edges), np.nan)
        at, of = shared(edges, self.members.edges)
        scores[at] = self.members.scores[of]
        return scores

    @cached_property
    def _bytes(self) -> np.ndarray | None:
        """Of a model's edges: megabytes, which are read when they are asked for."""
        held = "SELECT scores FROM circuit WHERE result_id = ?"
        (blob,) = self.db.execute(held, (self.stored["result"],)).fetchone()
        return None if blob is None else blobs.planes(blob)

    @property
    def _shape(self) -> tuple[int, int]:
        return self.stored["scores_sources"], self.stored["scores_ports"]

    @cached_property
    def head_roles(self) -> dict[tuple[int, int], str]:
        """(layer, head) -> the first of its roles, as the circuit tree shows them; measurements are none."""
        at = self.at
        strong = strong_in(self.db, role_tasks(self.db, at["model"]).at(at["step"], at["task"]))
        roles = {head: [role for role in held if not role.startswith(MEASUREMENTS)] for head, held in strong.items()}
        return {head: held[0] for head, held in roles.items() if held}

    @cached_property
    def node_scores(self) -> np.ndarray:
        """[src], and of the logits, which write nothing; NaN where there is none."""
        values = np.full(self.graph.n_sources + 1, np.nan)
        held = "SELECT src, score FROM node_score WHERE result_id = ?"
        for src, score in self.db.execute(held, (self.stored["result"],)):
            values[src] = score
        return values


def members(db: sqlite3.Connection, graph: Graph, result: int) -> Members:
    """Of a circuit as it is stored edge by edge; a score is NaN where it has none."""
    of = "FROM circuit_edge WHERE result_id = ? ORDER BY port, src"
    # one text of all numbers, since a row each takes ten times as long
    listed = f"SELECT group_concat(edge) FROM (SELECT port * ? + src AS edge {of})"
    edges = np.fromstring(db.execute(listed, (graph.n_sources, result)).fetchone()[0] or "", int, sep=",")
    known = db.execute(f"SELECT ifnull(score, {_MISSING}) {of}", (result,))
    scores = np.fromiter((score for (score,) in known), float)
    scores[np.isinf(scores)] = np.nan
    return Members.of(graph, edges, scores)


def side(db: sqlite3.Connection, address: str, given: Mapping[str, Any]) -> Side:
    """The circuit at MODEL[@STEP][/TASK], the last checkpoint where no step is named; `given` has choices among several
    results, and `task` where the address names none.

    Raises:
        UnknownName: there is no such circuit, or several tasks and none is named; says what there is.
    """
    head, at_sign, rest = address.partition("@")
    step, slash, task = rest.partition("/")
    model = head
    if not at_sign:
        model, slash, task = head.partition("/")
    if not model or (at_sign and not step) or (slash and not task):
        raise UnknownName(f"{address} names no circuit: give MODEL, MODEL@STEP or MODEL@STEP/TASK.")
    named = {name: value for name, value in given.items() if value is not None}
    addresses.check_model(db, model)
    named["task"] = task or named.get("task")
    if not named["task"]:
        held = tasks(db, model)
        if len(held) != 1:
            there = ", ".join(held) or "none yet"
            raise UnknownName(f"Name a task of {model}, as {model}@STEP/TASK or with --task: the store holds {there}.")
        (named["task"],) = held
    at, choices = narrowed(db, CIRCUITS, {**named, "model": model, "step": step or "final"})
    return side_at(db, at, choices)


def side_at(db: sqlite3.Connection, at: dict[str, Any], choices: Mapping[str, Any] = MappingProxyType({})) -> Side:
    """The circuit at a model, step and task.

    Raises:
        UnknownName: there is none; says why.
    """
    header = rows(db, CIRCUITS, at, dict(choices))
    if not header or header[0]["n_edges"] is None:
        reason = (header and header[0]["reason"]) or "none was computed"
        model = at["model"]
        raise UnknownName(
            f"{model}@{at['step']} has no circuit of {at['task']} ({reason}): `show circuits {model}` lists those."
        )
    (stored,) = found(db, STORED, at, dict(choices), Arrangement(columns=_STORED))
    return Side(db, header[0], dict(stored))
