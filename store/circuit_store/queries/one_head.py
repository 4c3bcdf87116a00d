"""One head over training and beside its neighbours: its scores in every role, the circuits that it is in, and the edges
into it and out of it. All are looked up by the head, in results that are known already.
"""

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from circuit_store.queries.circuits import CircuitEdge
from circuit_store.views.names import destination, port, source
from circuit_store.views.view import OF_MODEL, shown_results

_OF_CIRCUITS = f"{OF_MODEL} AND analysis = 'circuit'"


@dataclass(frozen=True)
class Score:
    """Of one head in one role at one checkpoint."""

    value: float | None
    low: float | None
    """Ends of the 95 % interval, where the role has one."""
    high: float | None
    reason: str | None
    """Why there is no value."""


def scores_over_training(db: sqlite3.Connection, results: Iterable[int], layer: int, head: int) -> dict[int, Score]:
    """Result -> the head's score in it.

    Args:
        results: of any roles and checkpoints (`RoleTasks.over`).
    """
    found = db.execute(
        "SELECT result.id, head_score.value, low, high,"
        " CASE WHEN head_score.value IS NULL THEN coalesce(head_score.reason, result.reason) END AS reason"
        " FROM json_each(?) AS asked JOIN result ON result.id = asked.value"
        " LEFT JOIN head_score ON result_id = result.id AND layer = ? AND head = ?",
        (json.dumps(list(results)), layer, head),
    )
    return {row[0]: Score(*tuple(row)[1:]) for row in found}


@dataclass(frozen=True)
class ShownCircuit:
    """A task's circuit at a checkpoint, as a whole."""

    result: int
    task: str
    step: int
    n_edges: int | None
    """None if there is no circuit, see reason."""
    counts: bool
    """Whether it reaches its threshold."""
    reason: str | None


def circuits_of_model(db: sqlite3.Connection, model: str) -> list[ShownCircuit]:
    """Those that are shown, task by task along training."""
    found = db.execute(
        f"WITH shown_result AS ({shown_results(_OF_CIRCUITS)})"
        " SELECT shown_result.id, task, step, n_edges, threshold_reached, reason FROM shown_result"
        " JOIN checkpoint ON checkpoint.id = checkpoint_id LEFT JOIN circuit ON result_id = shown_result.id"
        " ORDER BY task, step",
        (model,),
    )
    return [ShownCircuit(row[0], row[1], row[2], row[3], bool(row[4]), row[5]) for row in found]


def circuits_with(db: sqlite3.Connection, model: str, results: Iterable[int], layer: int, head: int) -> set[int]:
    """The circuits, of those of a model, that the head is in: a node of a circuit reads something.

    Imported circuits need not be pruned to such nodes: there a head that only writes counts as well.
    """
    ports, writes = _places(db, model, layer, head)
    found = db.execute(
        "SELECT asked.value FROM json_each(?) AS asked JOIN circuit ON circuit.result_id = asked.value"
        " WHERE EXISTS (SELECT 1 FROM circuit_edge AS e WHERE e.result_id = asked.value AND e.port IN (?, ?, ?))"
        " OR imported_from NOT NULL AND"
        " EXISTS (SELECT 1 FROM circuit_edge AS e WHERE e.result_id = asked.value AND e.src = ?)",
        (json.dumps(list(results)), *ports, writes),
    )
    return {result for (result,) in found}


@dataclass(frozen=True)
class HeadEdges:
    """Largest |score| first."""

    into: list[CircuitEdge]
    out: list[CircuitEdge]


def edges_of_head(db: sqlite3.Connection, result: int, layer: int, head: int) -> HeadEdges:
    """The edges of a circuit that a head reads, and those that it writes; none if the result is there no more."""
    model = (
        "SELECT model.name FROM result JOIN checkpoint ON checkpoint.id = checkpoint_id"
        " JOIN model ON model.id = model_id WHERE result.id = ?"
    )
    found = db.execute(model, (result,)).fetchone()
    if found is None:
        return HeadEdges([], [])
    (name,) = found
    ports, writes = _places(db, name, layer, head)
    edges = (
        f"SELECT {source('src')} AS src, {destination('port')} AS dst, {port('port')} AS port, score, share"
        " FROM circuit_edge JOIN (SELECT n_layers, n_heads FROM model WHERE name = ?)"
        " WHERE result_id = ? AND {} ORDER BY abs(score) DESC, circuit_edge.port, circuit_edge.src"
    )
    into = db.execute(edges.format("circuit_edge.port IN (?, ?, ?)"), (name, result, *ports))
    out = db.execute(edges.format("circuit_edge.src = ?"), (name, result, writes))
    return HeadEdges(*([CircuitEdge(*tuple(row)) for row in found.fetchall()] for found in (into, out)))


def _places(db: sqlite3.Connection, model: str, layer: int, head: int) -> tuple[tuple[int, int, int], int]:
    """A head's ports (q, k and v) and its number as a source, METHODS a.3."""
    (heads,) = db.execute("SELECT n_heads FROM model WHERE name = ?", (model,)).fetchone()
    first = layer * (3 * heads + 1) + head
    return (first, first + heads, first + 2 * heads), 1 + layer * (heads + 1) + head
