"""What two circuits have in common and what not, with what weakens the comparison."""

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from circuit_store.queries.views import one_state
from circuit_store.views import Column
from circuit_sweep.comparison import edges, parts
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
    rows: list[tuple[Any, ...]]


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


def beside(a: Side, b: Side, ranks: bool = True) -> Comparison:
    """Two circuits that are found already; `ranks` as in `edges.figures`."""
    alike = a.graph == b.graph
    how = edges if alike else parts
    columns = edges.EDGES if alike else parts.PARTS
    said = [{name: of.header[name] for name in OF_A_SIDE} for of in (a, b)]
    figures = edges.figures(a, b, ranks) if alike else {}
    return Comparison(said[0], said[1], figures, list(weak(a, b)), columns, list(how.rows(a, b)))


def weak(a: Side, b: Side) -> Iterator[str]:
    """What makes a comparison less than it seems, a sentence each."""
    if a.graph != b.graph:
        yield "The models differ in shape: heads do not carry over, so circuits are compared by role, depth and port."
        for of in (a, b):
            if not parts.head_roles(of):
                yield f"The store knows no head of {of.name} with a role: `run --analyses heads` computes them."
    for name in PARAMETERS:
        x, y = a.header[name], b.header[name]
        if x != y:
            yield f"They differ in {name}: {_named(x)} and {_named(y)}."
    if a.header["task"] != b.header["task"]:
        yield "They are of two tasks."
    elif a.header["device"] != b.header["device"]:
        yield f"They were computed on {a.header['device']} and {b.header['device']}: the last digits may differ."
    sizes = sorted((a.header["n_edges"], b.header["n_edges"]))
    if a.graph == b.graph and sizes[1] > 2 * sizes[0]:
        yield f"One circuit is more than twice as large ({sizes[0]:,} and {sizes[1]:,} edges): that bounds Jaccard."
    for of in (a, b):
        if of.header["imported_from"] is not None and of.header["faithfulness"] is None:
            yield f"{of.name} is from the file {of.header['imported_from']}: its faithfulness is not known."


def _named(value: Any) -> str:
    return "none" if value is None else str(value)
