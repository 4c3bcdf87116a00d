"""How far the circuits of two checkpoints agree, and how they change over training (METHODS h.1 to h.5).

With E1, E2 the edges of two circuits after pruning, and S1, S2 their scores:

    edge Jaccard      |E1 and E2| / |E1 or E2|
    node Jaccard      the same of the nodes that an edge touches, `input` and `logits` among them
    weighted Jaccard  sum min(a1, a2) / sum max(a1, a2), with a = |S| / sum |S| over the circuit, 0 outside it
    additions         |E2 without E1|, and the sum of |S2| over them
    deletions         |E1 without E2|, and the sum of |S1| over them
    score drift       sum |S2 - S1| over all edges of the model, in the circuit or not
    EWMA              v_t = .5 x_t + .5 v_(t-1), v_0 = x_0

Example: scores {x: .5, y: .5} and {x: .25, z: .75}: min .25, max .5 + .5 + .75, weighted Jaccard .142857; the EWMA of
.2, .6, .4 is .2, .4, .4. The Jaccard of two empty sets is undefined (NaN), and so is what needs scores where there are
none. An EWMA passes over what is undefined; that checkpoints are not equally far apart is not looked at.

Circuits are sorted arrays of edge ids, so that a pair costs what its circuits hold, however many edges the model has.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from circuit_core.graph import Graph

ALPHA = 0.5
"""Weight of the newest value in an EWMA."""


@dataclass(frozen=True, eq=False)
class Members:
    """The edges of a circuit after pruning; arrays ascend and hold no value twice."""

    edges: Int[np.ndarray, " edge"]
    """Each a number of its own: port times the number of sources, plus source."""
    nodes: Int[np.ndarray, " node"]
    """Those that an edge touches, by source index; the number of sources stands for `logits`."""
    scores: Float[np.ndarray, " edge"]
    """Signed; NaN where the circuit has none."""

    @staticmethod
    def of(
        graph: Graph, edges: Int[np.ndarray, " edge"], scores: Float[np.ndarray, " edge"] | None = None
    ) -> "Members":
        """From edge ids in any order, each once."""
        scores = np.full(len(edges), np.nan) if scores is None else scores
        if np.any(edges[1:] <= edges[:-1]):
            edges, first = np.unique(edges, return_index=True)
            scores = scores[first]
        touched = np.zeros(graph.n_sources + 1, bool)
        port, source = np.divmod(edges, graph.n_sources)
        touched[source] = touched[graph.reader[port]] = True
        return Members(edges, np.flatnonzero(touched), scores)


@dataclass(frozen=True)
class Similarity:
    """Of an earlier circuit to a later one; NaN where undefined."""

    edge_jaccard: float
    node_jaccard: float
    weighted_jaccard: float
    additions: int
    deletions: int
    added_score: float
    """Sum of |score| over the additions."""
    deleted_score: float


def similarity(earlier: Members, later: Members) -> Similarity:
    """Raises: ValueError, if an array does not ascend."""
    at_earlier, at_later = shared(earlier.edges, later.edges)
    a, b = _Parts.of(earlier.scores, at_earlier), _Parts.of(later.scores, at_later)
    common, n_a, n_b = len(at_earlier), len(earlier.edges), len(later.edges)
    weighted = float("nan")
    if a.whole and b.whole:
        here, there = a.common / a.whole, b.common / b.whole
        least, most = np.minimum(here, there).sum(), np.maximum(here, there).sum()
        either = float(most + ((a.alone / a.whole).sum() + (b.alone / b.whole).sum()))
        weighted = _share(float(least), either)
    return Similarity(
        edge_jaccard=_share(common, n_a + n_b - common),
        node_jaccard=jaccard(earlier.nodes, later.nodes),
        weighted_jaccard=weighted,
        additions=n_b - common,
        deletions=n_a - common,
        added_score=float(b.alone.sum()),
        deleted_score=float(a.alone.sum()),
    )


def jaccard(a: Int[np.ndarray, " one"], b: Int[np.ndarray, " other"]) -> float:
    """Of two ascending arrays."""
    common = len(shared(a, b)[0])
    return _share(common, len(a) + len(b) - common)


def shared(a: Int[np.ndarray, " one"], b: Int[np.ndarray, " other"]) -> tuple[np.ndarray, np.ndarray]:
    """Where in each of two ascending arrays their common values stand. Raises: ValueError."""
    if any(np.any(x[1:] <= x[:-1]) for x in (a, b)):
        raise ValueError("Members of a circuit must ascend, each once.")
    if not len(a) or not len(b):
        return np.zeros(0, int), np.zeros(0, int)
    at = np.minimum(np.searchsorted(a, b), len(a) - 1)
    equal = a[at] == b
    return at[equal], np.flatnonzero(equal)


def score_drift(earlier: Float[np.ndarray, "src port"], later: Float[np.ndarray, "src port"]) -> float:
    """Sum of |later - earlier| over all edges."""
    return float(np.abs(later - earlier).sum(dtype=float))


def ewma(values: Sequence[float], alpha: float = ALPHA) -> list[float]:
    """In order; NaN where a value is NaN, and passed over after it."""
    smooth, found = float("nan"), []
    for value in values:
        before, known = smooth, not np.isnan(value)
        if known:
            smooth = value if np.isnan(before) else alpha * value + (1 - alpha) * before
        found.append(smooth if known else value)
    return found


def _share(part: int | float, whole: int | float) -> float:
    return part / whole if whole else float("nan")


@dataclass(frozen=True, eq=False)
class _Parts:
    """|score| of the edges of a circuit."""

    common: Float[np.ndarray, " common"]
    alone: Float[np.ndarray, " rest"]

    @staticmethod
    def of(scores: Float[np.ndarray, " edge"], common: Int[np.ndarray, " common"]) -> "_Parts":
        sizes, outside = abs(scores), np.ones(len(scores), bool)
        outside[common] = False
        return _Parts(sizes[common], sizes[outside])

    @property
    def whole(self) -> float:
        """1 for no edges: their shares are none."""
        return float(self.common.sum() + self.alone.sum()) if len(self.common) or len(self.alone) else 1.0
