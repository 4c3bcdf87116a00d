"""The circuits of a model over training, each beside one circuit: a baseline (METHODS h.2, l.10).

As the view `similarity` has it of neighbours: similarities, and beside each the lower of both circuits' noise floors.
"""

import sqlite3
from dataclasses import astuple
from typing import Any

from circuit_core.trends.similarity import similarity
from circuit_store.queries import found, one_state, rows
from circuit_store.queries.arrangement import Arrangement
from circuit_store.views.circuits import CIRCUITS, STORED
from circuit_sweep.comparison.edges import KINDS, known
from circuit_sweep.comparison.sides import Side, members

_STORED = ("step", "result", "n_layers", "n_heads", "parallel")


@one_state
def over_training(db: sqlite3.Connection, baseline: Side, model: str, task: str) -> list[dict[str, Any]] | None:
    """A row of each checkpoint that has a circuit: `step`, and of each kind `KIND_jaccard` and `KIND_floor_low`.

    None where the models differ in shape.
    """
    at = {"model": model, "task": task}
    stored = {row["step"]: row for row in found(db, STORED, at, wanted=Arrangement(columns=_STORED))}
    graph, own = baseline.graph, members(db, baseline.graph, baseline.stored["result"])
    if any((row["n_layers"], row["n_heads"], bool(row["parallel"])) != astuple(graph) for row in stored.values()):
        return None
    curve = []
    for row in rows(db, CIRCUITS, at):
        if row["n_edges"] is not None:
            alike = similarity(own, members(db, graph, stored[row["step"]]["result"]))
            values = {f"{kind}_jaccard": known(getattr(alike, f"{kind}_jaccard")) for kind in KINDS}
            curve.append({"step": row["step"], **values, **_floors(baseline.header, row)})
    return curve


def _floors(a: dict[str, Any], b: dict[str, Any]) -> dict[str, float | None]:
    """Of each kind the lower one; None if one of them is not known."""
    lows = {name: (a[name], b[name]) for name in (f"{kind}_floor_low" for kind in KINDS)}
    return {name: None if None in pair else min(pair) for name, pair in lows.items()}
