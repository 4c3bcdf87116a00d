"""What two circuits have in common and what not, with what weakens the comparison."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from circuit_store.queries.views import one_state
from circuit_store.views import Column
from circuit_sweep.comparison import edges, parts
from circuit_sweep.comparison.edges import Rows
from circuit_sweep.comparison.sides import Side, side

OF_A_SIDE = (
    *("model", "step", "tokens", "task", "method", "ig_steps", "ig_rule", "selector", "search", "threshold"),
    *("n_edges", "n_nodes", "n_edges_total", "faithfulness", "imported_from", "dtype", "device"),
)
"""Columns of `circuits` that are said of each side."""
PARAMETERS = ("method", "ig_steps", "ig_rule", "selector", "search", "threshold", "threshold_on", "dtype")


@dataclass(frozen=True)
class Comparison:
    a: dict[str, Any]
    b: dict[str, Any]
    figures: dict[str, Any]
    """Similarities, floors, counts; those that compare edges are None between models of different shapes."""
    warnings: list[str]
    """Why the comparison is weak."""
    columns: tuple[Column, ...]
    """`EDGES`, or `PARTS` between models of different shapes."""
    edges: Rows | None
    nodes: Rows | None
    heads: Rows | None
    """Those of the nodes; all three are None between models of different shapes."""
    parts: list[tuple[Any, ...]]
    """Empty between models of one shape."""

    @cached_property
    def rows(self) -> list[tuple[Any, ...]]:
        """Of `columns`, edges before nodes."""
        return [*(self.edges or ()), *(self.nodes or ()), *self.parts]


@one_state
def compare(db: sqlite3.Connection, a: str, b: str, of_a: Mapping[str, Any], of_b: Mapping[str, Any]) -> Comparison:
    """Two circuits by their addresses, MODEL[@STEP][/TASK].

    Args:
        of_a: choices among several results of A, and `task`, as in `sides.side`.
        of_b: the same of B.

    Raises:
        UnknownName: one of them is not in the store.
    """
    return beside(side(db, a, of_a), side(db, b, of_b))


def beside(one: Side, other: Side, ranks: bool = True) -> Comparison:
    """Two circuits that are found already; `ranks` as in `edges.figures`."""
    x, y, alike, weak = one.header, other.header, one.graph == other.graph, list[str]()
    if not alike:
        weak.append(
            "The models differ in shape: heads do not carry over, so circuits are compared by role, depth and port."
        )
        for of in (one, other):
            if not of.head_roles:
                weak.append(f"The store knows no head of {of.name} with a role: `run --analyses heads` computes them.")
    for name in PARAMETERS:
        if x[name] != y[name]:
            weak.append(f"They differ in {name}: {_named(x[name])} and {_named(y[name])}.")
    if x["task"] != y["task"]:
        weak.append("They are of two tasks.")
    elif x["device"] != y["device"]:
        weak.append(f"They were computed on {x['device']} and {y['device']}: the last digits may differ.")
    sizes = sorted((x["n_edges"], y["n_edges"]))
    if alike and sizes[1] > 2 * sizes[0]:
        weak.append(
            f"One circuit is more than twice as large ({sizes[0]:,} and {sizes[1]:,} edges): that bounds Jaccard."
        )
    for of in (one, other):
        if of.header["imported_from"] is not None and of.header["faithfulness"] is None:
            weak.append(f"{of.name} is from the file {of.header['imported_from']}: its faithfulness is not known.")
        if len(of.members.edges) and np.isnan(of.members.scores).all():
            weak.append(f"{of.name} was imported without scores: its edges are compared by name alone.")
    of_x, of_y = ({name: header[name] for name in OF_A_SIDE} for header in (x, y))
    if not alike:
        return Comparison(of_x, of_y, {}, weak, parts.PARTS, None, None, None, list(parts.rows(one, other)))
    nodes = edges.nodes(one, other)
    found = edges.edges(one, other), nodes, edges.heads(one.graph, nodes)
    return Comparison(of_x, of_y, edges.figures(one, other, ranks), weak, edges.EDGES, *found, [])


def _named(value: Any) -> str:
    return "none" if value is None else str(value)
