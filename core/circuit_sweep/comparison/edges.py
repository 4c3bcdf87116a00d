"""Two circuits of models of one shape: how alike they are, and each edge and node of either (METHODS h.2, h.3, l.10).

Jaccard similarities as in `circuit_core.trends.similarity`. Beside each stand the two circuits' noise floors: how alike
circuits from two halves of the prompts are. A similarity below both floors is a change beyond the prompts; above one of
them it is not told apart from the prompts' noise.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from circuit_core.graph import Graph
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
        lows = [floor for floor in floors if floor is not None]
        found[f"{kind}_change"] = None  # unless both floors are known
        if value is not None and len(lows) == len(floors):
            found[f"{kind}_change"] = BEYOND if value < min(lows) else WITHIN
    common = len(a.members.edges) - alike.deletions
    found |= {"shared_edges": common, "gained_edges": alike.additions, "lost_edges": alike.deletions}
    if ranks:
        over, scores = _scored(a, b)
        found |= {"rank_correlation": rank_correlation(*scores), "rank_correlation_over": over}
    return found


def _scored(a: Side, b: Side) -> tuple[str, tuple[np.ndarray, np.ndarray]]:
    """Which edges are ranked, and their scores."""
    if a.scores is not None and b.scores is not None:
        real = a.graph.real
        return "all edges", (a.scores[real], b.scores[real])
    of_a, of_b = shared(a.members.edges, b.members.edges)
    pair = a.members.scores[of_a], b.members.scores[of_b]
    both = ~np.isnan(pair[0]) & ~np.isnan(pair[1])
    return "shared edges", (pair[0][both], pair[1][both])


@dataclass(frozen=True, eq=False)
class Rows(Sequence[tuple[Any, ...]]):
    """Rows of `EDGES`, all edges or all nodes of either circuit, the largest |difference| first, or |score| where one
    of both is not known.

    Each is named when it is looked at: circuits hold thousands, a screen shows few.
    """

    kind: str
    name: Callable[[int], str]
    ids: np.ndarray
    found: np.ndarray
    """`shared`, `gained`, `lost`."""
    scores: tuple[np.ndarray, np.ndarray]
    """In A and in B; NaN where the store has none."""

    @staticmethod
    def of(
        kind: str,
        name: Callable[[int], str],
        members: Sequence[np.ndarray],
        scores: Sequence[Callable[[np.ndarray], np.ndarray]],
    ) -> "Rows":
        """Args: members: ids in A and in B; scores: that of ids in A and in B."""
        either = np.union1d(*members)
        in_a, in_b = (np.isin(either, of) for of in members)
        found = np.where(in_a, np.where(in_b, "shared", "lost"), "gained")
        a, b = (of(either) for of in scores)
        sizes = np.where(np.isnan(b - a), np.fmax(abs(a), abs(b)), abs(b - a))
        order = np.lexsort((either, -np.nan_to_num(sizes, nan=-1.0)))
        return Rows(kind, name, either[order], found[order], (a[order], b[order]))

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, at: Any) -> Any:
        a, b = (float(of[at]) for of in self.scores)
        scores = (known(value) for value in (a, b, b - a))
        return self.kind, self.name(int(self.ids[at])), str(self.found[at]), *scores

    def only(self, *found: str) -> "Rows":
        """Those that were found so, in this order."""
        return self.select(np.concatenate([np.flatnonzero(self.found == one) for one in found]))

    def select(self, at: np.ndarray) -> "Rows":
        """Args: at: places, or which of all."""
        a, b = self.scores
        return Rows(self.kind, self.name, self.ids[at], self.found[at], (a[at], b[at]))

    def count(self, found: Any) -> int:
        return int((self.found == found).sum())

    @property
    def largest(self) -> float:
        """|score|; 0 where there is none."""
        return max((float(np.nanmax(abs(of))) for of in self.scores if not np.isnan(of).all()), default=0.0)


def edges(a: Side, b: Side) -> Rows:
    """Scores also of edges that are not in a circuit, where the store has them."""
    graph, n = a.graph, a.graph.n_sources
    members = [side.members.edges for side in (a, b)]
    scores = [side.edge_scores for side in (a, b)]
    return Rows.of("edge", lambda edge: graph.edge_name(edge % n, edge // n), members, scores)


def nodes(a: Side, b: Side) -> Rows:
    graph, n = a.graph, a.graph.n_sources
    members, scores = [side.members.nodes for side in (a, b)], [side.node_scores.take for side in (a, b)]
    return Rows.of("node", lambda node: "logits" if node == n else graph.source_name(node), members, scores)


def heads(graph: Graph, nodes: Rows) -> Rows:
    """Those of nodes that are heads."""
    ends = (nodes.ids == 0) | (nodes.ids == graph.n_sources)
    return nodes.select(~ends & ((nodes.ids - 1) % (graph.n_heads + 1) < graph.n_heads))


def known(value: float) -> float | None:
    """None for what is undefined."""
    return None if np.isnan(value) else float(value)
