"""Two circuits of models of one shape: how alike they are, and each edge and node of either (METHODS h.2, h.3, l.10).

Jaccard similarities as in `circuit_core.trends.similarity`. Beside each stand the two circuits' noise floors: how alike
circuits from two halves of the prompts are. A similarity below both floors is a change beyond the prompts; above one of
them it is not told apart from the prompts' noise.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from circuit_core.trends.ranks import rank_correlation
from circuit_core.trends.similarity import shared, similarity
from circuit_store.views import Column
from circuit_sweep.comparison.sides import Side

KINDS = ("edge", "node", "weighted")
BEYOND, WITHIN = "beyond the prompts", "not told apart"
EDGES = (
    Column("kind", "`edge` or `node`"),
    Column("name", "as in `a5.h3->a9.h1<q>`, or `a5.h3`"),
    Column("found", "`shared`, `gained` (in B alone) or `lost` (in A alone)"),
    Column("score_a", "score in A, of an edge also where A's circuit is without it", "the store has none", kind=float),
    Column("score_b", "score in B, likewise", "the store has none", kind=float),
    Column("difference", "score_b - score_a", "one of them is empty", kind=float),
)


def figures(a: Side, b: Side, ranks: bool = True) -> dict[str, Any]:
    """How alike they are; None where it is undefined.

    Args:
        ranks: whether the edges' ranks are correlated, which takes longer than all the rest.
    """
    alike = similarity(a.members, b.members)
    found: dict[str, Any] = {}
    for kind in KINDS:
        value = known(getattr(alike, f"{kind}_jaccard"))
        floors = [side.header.get(f"{kind}_floor_low") for side in (a, b)]
        found |= {f"{kind}_jaccard": value, f"{kind}_floor_a": floors[0], f"{kind}_floor_b": floors[1]}
        found[f"{kind}_change"] = _verdict(value, floors)
    common = len(a.members.edges) - alike.deletions
    counts = {"shared_edges": common, "gained_edges": alike.additions, "lost_edges": alike.deletions}
    return found | counts | (_ranks(a, b) if ranks else {})


def _ranks(a: Side, b: Side) -> dict[str, Any]:
    over, scores = _scored(a, b)
    return {"rank_correlation": rank_correlation(*scores), "rank_correlation_over": over}


def _verdict(value: float | None, floors: list[float | None]) -> str | None:
    """None where a floor is not known."""
    lows = [floor for floor in floors if floor is not None]
    if value is None or len(lows) < len(floors):
        return None
    return BEYOND if value < min(lows) else WITHIN


def _scored(a: Side, b: Side) -> tuple[str, tuple[np.ndarray, np.ndarray]]:
    """Which edges are ranked, and their scores."""
    if a.scores is not None and b.scores is not None:
        real = a.graph.real
        return "all edges", (a.scores[real], b.scores[real])
    of_a, of_b = shared(a.members.edges, b.members.edges)
    pair = a.members.scores[of_a], b.members.scores[of_b]
    both = ~np.isnan(pair[0]) & ~np.isnan(pair[1])
    return "shared edges", (pair[0][both], pair[1][both])


def rows(a: Side, b: Side) -> Iterator[tuple[Any, ...]]:
    """Of `EDGES`: every edge and node of either, edges first, the largest |difference| first in each kind."""
    edges = np.union1d(a.members.edges, b.members.edges)
    yield from _listed("edge", edges, _edge_name, [(s, s.members.edges, _edge_scores(s, edges)) for s in (a, b)])
    nodes = np.union1d(a.members.nodes, b.members.nodes)
    yield from _listed("node", nodes, _node_name, [(s, s.members.nodes, s.node_scores[nodes]) for s in (a, b)])


def _listed(
    kind: str, either: np.ndarray, name: Callable[[Side, int], str], sides: list[tuple[Side, np.ndarray, np.ndarray]]
) -> Iterator[tuple[Any, ...]]:
    """Args: sides: of each its members, and the scores of what is in either."""
    (a, in_a, score_a), (_, in_b, score_b) = sides
    found = np.where(np.isin(either, in_a), np.where(np.isin(either, in_b), "shared", "lost"), "gained")
    difference = score_b - score_a
    for at in np.lexsort((either, -np.nan_to_num(abs(difference), nan=-1.0))):
        yield (
            kind,
            name(a, int(either[at])),
            str(found[at]),
            *(known(float(of[at])) for of in (score_a, score_b, difference)),
        )


def _edge_scores(side: Side, edges: np.ndarray) -> np.ndarray:
    """Also of edges that are not in the circuit, where the store has their scores."""
    if side.scores is not None:
        port, source = np.divmod(edges, side.graph.n_sources)
        return side.scores[source, port].astype(float)
    values = np.full(len(edges), np.nan)
    at, of = shared(edges, side.members.edges)
    values[at] = side.members.scores[of]
    return values


def _edge_name(side: Side, edge: int) -> str:
    port, source = divmod(edge, side.graph.n_sources)
    return side.graph.edge_name(source, port)


def _node_name(side: Side, node: int) -> str:
    return "logits" if node == side.graph.n_sources else side.graph.source_name(node)


def known(value: float) -> float | None:
    """None for what is undefined."""
    return None if np.isnan(value) else float(value)
