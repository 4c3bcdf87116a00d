"""The numbers that findings are about, each from the views of a store; None where what it needs is not computed.

A measure takes the connection and what a row of findings.toml says, and its name is what a row calls it. Beside each
stands what it measures in words, and which analyses compute it.
"""

import json
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations
from math import isnan
from statistics import mean, median
from typing import Any

import numpy as np

from circuit_core.trends.similarity import jaccard, similarity
from circuit_store.errors import UnknownName
from circuit_store.queries.views import rows
from circuit_store.views import VIEWS
from circuit_sweep.comparison.sides import Side, side

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Measure:
    of: Callable[[sqlite3.Connection, Row], float | int | None]
    words: str
    """What is measured; a row's values are put into it."""
    analyses: str
    """What computes it, as `run --analyses` takes it."""


MEASURES: dict[str, Measure] = {}
Function = Callable[[sqlite3.Connection, Row], float | int | None]


def measure(words: str, analyses: str) -> Callable[[Function], Function]:
    def kept(function: Function) -> Function:
        MEASURES[function.__name__] = Measure(function, words, analyses)
        return function

    return kept


def _one(db: sqlite3.Connection, view: str, row: Row, names: str, column: str) -> Any:
    """The column of the first row of a view with the values that `names` lists; None if there is none."""
    found = rows(db, VIEWS[view], {name: row[name] for name in names.split()})
    return found[0][column] if found else None


@measure("metric of {task} at step {step}", "behaviour")
def behaviour(db: sqlite3.Connection, row: Row) -> float | int | None:
    return _one(db, "behaviour", row, "model step task", "value")


@measure("accuracy at {task} at step {step}", "behaviour")
def accuracy(db: sqlite3.Connection, row: Row) -> float | int | None:
    return _one(db, "behaviour", row, "model step task", "accuracy")


@measure("metric of {task} on corrupted prompts at step {step}", "circuit")
def metric_corrupted(db: sqlite3.Connection, row: Row) -> float | int | None:
    return _one(db, "circuits", row, "model step task", "metric_corrupted")


@measure("edges of the circuit for {task} at step {step}", "circuit")
def edges(db: sqlite3.Connection, row: Row) -> float | int | None:
    return _one(db, "circuits", row, "model step task", "n_edges")


@measure("edges of the smallest circuit for {task} with faithfulness .8 at step {step}", "circuit")
def first_size(db: sqlite3.Connection, row: Row) -> float | int | None:
    curve = rows(db, VIEWS["faithfulness"], {name: row[name] for name in ("model", "step", "task")})
    return min((at["n_edges"] for at in curve if (at["faithfulness"] or 0) >= 0.8), default=None)


@measure("median part of all edges in circuits for {task}", "circuit")
def median_share(db: sqlite3.Connection, row: Row) -> float | int | None:
    found = rows(db, VIEWS["size"], {"model": row["model"], "task": row["task"]})
    shares = [at["share_of_edges"] for at in found if at["counts"]]
    return median(shares) if shares else None


@measure("edge Jaccard of {task} from step {steps[0]} to {steps[1]}", "circuit")
def edge_jaccard(db: sqlite3.Connection, row: Row) -> float | int | None:
    return _neighbours(db, row, "edge_jaccard")


@measure("EWMA of edge Jaccard of {task} at steps {steps[0]} to {steps[1]}", "circuit")
def edge_ewma(db: sqlite3.Connection, row: Row) -> float | int | None:
    return _neighbours(db, row, "edge_ewma")


def _neighbours(db: sqlite3.Connection, row: Row, column: str) -> float | int | None:
    found = rows(db, VIEWS["similarity"], {"model": row["model"], "task": row["task"], "against": "neighbour"})
    return next((at[column] for at in found if [at["step_a"], at["step_b"]] == row["steps"]), None)


@measure("whether the task {task} is acquired", "behaviour")
def does_task(db: sqlite3.Connection, row: Row) -> float | int | None:
    found = _emergence(db, row["model"], "task", row["task"])
    return None if found is None else float(found["step"] is not None)


@measure("step at which the first {role} head emerges", "heads")
def emergence_step(db: sqlite3.Connection, row: Row) -> float | int | None:
    found = _emergence(db, row["model"], "role", row["role"])
    return found["step"] if found else None


@measure("tokens at which the first {role} head emerges", "heads")
def emergence_tokens(db: sqlite3.Connection, row: Row) -> float | int | None:
    found = _emergence(db, row["model"], "role", row["role"])
    return found["tokens"] if found else None


@measure("steps from the first {role} head until {task} is acquired", "behaviour,heads")
def acquired_after_role(db: sqlite3.Connection, row: Row) -> float | int | None:
    role, task = (_emergence(db, row["model"], kind, row[kind]) for kind in ("role", "task"))
    if role is None or task is None or role["step"] is None or task["step"] is None:
        return None
    return task["step"] - role["step"]


@measure("tokens until {task} is acquired, as a part of those of {other}", "behaviour")
def acquired_before(db: sqlite3.Connection, row: Row) -> float | int | None:
    this, other = (_emergence(db, row[name], "task", row["task"]) for name in ("model", "other"))
    return this["tokens"] / other["tokens"] if this and other and this["tokens"] and other["tokens"] else None


@measure("tokens at which a{layer}.h{head} becomes a {role}", "heads")
def head_emerged(db: sqlite3.Connection, row: Row) -> float | int | None:
    found = _emergence(db, row["model"], "head", row["role"], row)
    return found["tokens"] if found else None


@measure("tokens at which a{layer}.h{head} is a {role} no more", "heads")
def head_lost(db: sqlite3.Connection, row: Row) -> float | int | None:
    found = _emergence(db, row["model"], "head", row["role"], row)
    return found["lost_tokens"] if found else None


def _emergence(db: sqlite3.Connection, model: str, kind: str, name: str, head: Row | None = None) -> Row | None:
    at = {"model": model} | ({"layer": head["layer"], "head": head["head"]} if head else {})
    found = [row for row in rows(db, VIEWS["emergence"], at) if (row["kind"], row["name"]) == (kind, name)]
    return min(found, key=lambda row: (row["step"] is None, row["step"] or 0), default=None)


@measure("change of a{layer}.h{head}'s {role} score from step {steps[0]} to {steps[1]}", "heads")
def score_change(db: sqlite3.Connection, row: Row) -> float | int | None:
    at = {name: row[name] for name in ("model", "role", "layer", "head")}
    scores = {one["step"]: one["value"] for one in rows(db, VIEWS["history"], at)}
    first, last = (scores.get(step) for step in row["steps"])
    return None if first is None or last is None else last - first


@measure("mean percent of the stage {stage} once it has emerged", "algorithm")
def stage_mean(db: sqlite3.Connection, row: Row) -> float | int | None:
    found = rows(db, VIEWS["stability"], {"model": row["model"]})
    return next((one["mean"] for one in found if one["stage"] == row["stage"]), None)


@measure("{kind} heads in the stage {stage} at the last checkpoint", "algorithm")
def stage_heads(db: sqlite3.Connection, row: Row) -> float | int | None:
    found = [one for one in rows(db, VIEWS["algorithm"], {"model": row["model"]}) if one["stage"] == row["stage"]]
    last = max((one for one in found if one["heads"]), key=lambda one: one["step"], default=None)
    return None if last is None else len(json.loads(last["heads"]).get(row["kind"], ()))


@measure("r of mean nodes of circuits for {task} and parameters as published", "circuit")
def size_correlation(db: sqlite3.Connection, row: Row) -> float | int | None:
    found = rows(db, VIEWS["size_correlation"], {"task": row["task"]})
    return next((one["r_published"] for one in found if one["suite"] == row["suite"] and not one["variant"]), None)


@measure("mean of node minus edge Jaccard of finetunes with their bases, {task}", "circuit")
def nodes_kept(db: sqlite3.Connection, row: Row) -> float | int | None:
    """Of the last circuit of each model whose steps count on from another's, and that other's there."""
    bases = db.execute("SELECT base, name FROM model WHERE base IS NOT NULL").fetchall()
    pairs = [(_circuit(db, base, row["task"]), _circuit(db, name, row["task"])) for base, name in bases]
    alike = [similarity(a.members, b.members) for a, b in pairs if a and b and a.graph == b.graph]
    return mean([one.node_jaccard - one.edge_jaccard for one in alike]) if alike else None


@measure("Jaccard of heads in circuits for {task} over seeds of {size}: middle third less the lower other", "circuit")
def middle_over_seeds(db: sqlite3.Connection, row: Row) -> float | int | None:
    """At the last checkpoint of each seed, mean over all pairs of seeds with heads in each third."""
    held = "SELECT name FROM model WHERE family = ? AND size = ? AND variant IS NULL ORDER BY seed"
    names = [name for (name,) in db.execute(held, (row["family"], row["size"])).fetchall()]
    circuits = [circuit for name in names if (circuit := _circuit(db, name, row["task"]))]
    alike = [[jaccard(_heads(a, third), _heads(b, third)) for third in range(3)] for a, b in combinations(circuits, 2)]
    thirds = [[pair[third] for pair in alike if not isnan(pair[third])] for third in range(3)]
    if not all(thirds):
        return None
    first, middle, last = map(mean, thirds)
    return middle - min(first, last)


def _circuit(db: sqlite3.Connection, address: str, task: str) -> Side | None:
    try:
        return side(db, address, {"task": task})
    except UnknownName:
        return None


def _heads(of: Side, third: int) -> np.ndarray:
    """Source indices of the heads of the circuit in a third of the layers."""
    nodes = of.members.nodes
    layer, head = np.divmod(nodes - 1, of.graph.n_heads + 1)
    is_head = (nodes > 0) & (nodes < of.graph.n_sources) & (head < of.graph.n_heads)
    return nodes[is_head & (3 * layer // of.graph.n_layers == third)]
