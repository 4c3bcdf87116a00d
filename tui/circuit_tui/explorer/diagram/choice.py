"""Which edges of a circuit are drawn: the largest by |score|, as long as their nodes have a place of their own."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice

from circuit_store.queries import CircuitEdge
from circuit_tui.explorer.diagram.places import Grid
from circuit_tui.explorer.widgets.notation import digits_for, finite, signed

CORE = 0.9
"""Part of the resamples whose circuit must hold an edge for it to be core."""
_CELLS_AN_EDGE = 50
_FEWEST, _MOST = 24, 80
"""Edges that a diagram has, large or small."""
_TRIED = 8
"""Edges that are tried for each that may be drawn: where heads have no columns of their own, few find room."""
_APART = 3
"""Columns between the middles of neighbours that can be told apart."""


@dataclass(frozen=True)
class Choice:
    edges: list[CircuitEdge] = field(default_factory=list)
    """Largest first."""
    nodes: dict[str, float] = field(default_factory=dict)
    """Node -> the largest |score| of its edges that are drawn, largest first."""
    no_room: int = 0
    """Edges larger than the last that is drawn, between nodes of which one would cover another."""


def size(edge: CircuitEdge) -> float:
    return abs(finite(edge.score) or 0.0)


def digits(largest: float) -> int:
    """Decimals of scores, which reach over several powers of ten."""
    return max(2, digits_for(largest))


def room(width: int, height: int) -> int:
    """How many edges a diagram of so many cells takes without becoming a tangle."""
    return max(_FEWEST, min(_MOST, width * height // _CELLS_AN_EDGE))


def chosen(edges: Iterable[CircuitEdge], grid: Grid, most: int | None, floor: float) -> Choice:
    """Args:
    edges: largest first.
    most: edges that are drawn at most; None: all.
    floor: the least |score|.
    """
    drawn: list[CircuitEdge] = []
    nodes: dict[str, float] = {}
    taken: dict[int, list[int]] = {}
    left = no_room = 0
    for edge in edges if most is None else islice(edges, _TRIED * most):
        if len(drawn) == most or size(edge) < floor:
            break
        if not all(map(grid.holds, edge[:2])):
            continue
        new = [name for name in edge[:2] if name not in nodes]
        if any(abs(grid.column(name) - column) < _APART for name in new for column in taken.get(grid.row(name), ())):
            left += 1
            continue
        for name in new:
            nodes[name] = size(edge)
            taken.setdefault(grid.row(name), []).append(grid.column(name))
        drawn.append(edge)
        no_room = left
    return Choice(drawn, nodes, no_room)


def core(shares: Iterable[float | None]) -> int | None:
    """How many edges are core, of the share of resamples that hold each; None if none were drawn."""
    known = [share for share in shares if share is not None]
    return sum(share >= CORE for share in known) if known else None


def counted(choice: Choice, edges: Sequence[CircuitEdge], largest: float) -> str:
    """`23 of 214 edges drawn, |score| ≥ 0.31`."""
    said = f"{len(choice.edges):,} of {len(edges):,} edges drawn"
    if choice.edges and finite(choice.edges[-1].score) is not None:
        said += f", |score| ≥ {signed(size(choice.edges[-1]), digits(largest))}"
    elif edges and finite(edges[0].score) is None:
        said += ", none has a score"
    return said + (f", {choice.no_room:,} larger have no room" if choice.no_room else "")
