"""The circuits of a model over training, each beside one circuit: a baseline (METHODS h.2, l.10).

As the view `similarity` has it of neighbours: similarities, and beside each the lower of both circuits' noise floors.
"""

import sqlite3
from typing import Any

from circuit_core.trends.similarity import similarity
from circuit_store.queries import found, one_state, rows
from circuit_store.queries.arrangement import Arrangement
from circuit_store.views.circuits import CIRCUITS, STORED
from circuit_sweep.comparison.edges import KINDS, known
from circuit_sweep.comparison.sides import Side, members


@one_state
def over_training(db: sqlite3.Connection, baseline: Side, model: str, task: str) -> list[dict[str, Any]]:
    """A row of each checkpoint that has a circuit: `step`, and of each kind `KIND_jaccard` and `KIND_floor_low`.

    Args:
        baseline: of a model of the same shape.
    """
    at = {"model": model, "task": task}
    results = {
        row["step"]: row["result"] for row in found(db, STORED, at, wanted=Arrangement(columns=("step", "result")))
    }
    base, curve = members(db, baseline.graph, baseline.stored["result"]), []
    for row in rows(db, CIRCUITS, at):
        if row["n_edges"] is not None:
            alike = similarity(base, members(db, baseline.graph, results[row["step"]]))
            values = {f"{kind}_jaccard": known(getattr(alike, f"{kind}_jaccard")) for kind in KINDS}
            curve.append({"step": row["step"], **values, **_floors(baseline.header, row)})
    return curve


def _floors(a: dict[str, Any], b: dict[str, Any]) -> dict[str, float | None]:
    """Of each kind the lower one; None if one of them is not known."""
    lows = {name: (a[name], b[name]) for name in (f"{kind}_floor_low" for kind in KINDS)}
    return {name: None if None in pair else min(pair) for name, pair in lows.items()}
