"""What a circuit owes to its prompts: error bars of edges, and how alike circuits of other prompts are (METHODS l.10).

Scores are means over prompts, so from the scores of each prompt come those of any other draw of them:

    se      standard deviation of a member's score over resamples with replacement, within strata
    share   part of the resamples whose circuit of the same size, chosen and pruned anew, holds the member
    floor   Jaccard between the circuits of two disjoint halves of the prompts, mean and 2.5 % quantile of 100 splits

The floor is conservative, since a half has half the prompts: two circuits that are less alike than both their floors
differ by more than their prompts; where they are more alike they are not told apart. (A resample against the circuit
itself has half the variance: by it noise would pass for a change.) Jaccard is of edges, of nodes (input and logits
among them), and weighted:

    sum of min(a, b) / sum of max(a, b)      a, b: |score| as a share of the circuit's sum, 0 off the circuit

Only edges that can be in a circuit are looked at. Selection is `many_circuits`'; no edge of a circuit is smaller than
its last key, and that is no less for the whole graph than for a part of it. So the keys by the edges that come first in
the mean say which others are too small in all draws.
"""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float, Int

from circuit_core.attribution.edge_scores import EdgeScores
from circuit_core.circuits.many_circuits import EdgeList
from circuit_core.margins import ROUNDING
from circuit_core.statistics import halves, resamples

SPLITS = 100
LOW = 0.025
"""Quantile of the splits below which a similarity is a change."""
LARGEST = 10_000
"""Edges, besides the members, that are resampled where not all can be."""
AT_HAND = 2**31
"""Bytes for the scores of each prompt and edge; where there are more, see `to_keep`."""
PART = 2**24
"""Scores of draws that are held at once."""
KINDS: tuple[str, ...] = ("edge", "node", "weighted")


@dataclass(frozen=True)
class Floor:
    """Jaccard between the circuits of two halves of the prompts; None if all of these are empty."""

    mean: float | None = None
    low: float | None = None
    """The 2.5 % quantile."""


@dataclass(frozen=True)
class ErrorBars:
    """Of a circuit's members, by source, then port; None where none are given."""

    se: Float[np.ndarray, " member"] | None = None
    share: Float[np.ndarray, " member"] | None = None
    floors: dict[str, Floor] = field(default_factory=lambda: dict.fromkeys(KINDS, Floor()))


def to_keep(scores: EdgeScores, members: Bool[np.ndarray, "src port"]) -> Bool[np.ndarray, "src port"]:
    """Edges to resample where not all can be: the members and the 10,000 largest."""
    every, kept = np.flatnonzero(scores.graph.real), members.copy()
    kept.flat[every[np.argsort(-np.abs(scores.scores.flat[every]), kind="stable")[:LARGEST]]] = True
    return kept


def error_bars(
    scores: EdgeScores,
    kept: Bool[np.ndarray, "src port"],
    members: Bool[np.ndarray, "src port"],
    n: int,
    selector: str,
    strata: tuple[int, ...],
    seed: int,
    draws: int,
) -> ErrorBars:
    """Error bars of the circuit that `n` edges of these scores give; none for a single prompt, or without draws.

    Args:
        scores: with those of each prompt, of the edges `kept`; any other counts with its mean in every draw.
        strata: of the prompts (`PromptSet.strata`).
        seed: equal for all checkpoints of a task, which thus share the draws.
        draws: bootstrap resamples.
    """
    by_prompt = scores.by_prompt
    assert by_prompt is not None
    prompts = len(by_prompt)
    if prompts < 2 or not draws:
        return ErrorBars()
    drawn = resamples(prompts, strata, draws, seed).numpy() / prompts
    first = halves(prompts, strata, SPLITS, seed).numpy()
    split = [(part / part.sum(1, keepdims=True)).astype(np.float32) for part in (first, ~first)]
    of = _Draws(scores, by_prompt, kept)
    cells = of.candidates(np.concatenate([drawn, *split]), n, selector)
    edges, held, alike = EdgeList(scores.graph, cells), np.zeros(kept.size), []
    for some in _parts(draws, len(cells)):
        held[cells] += edges.circuits(np.abs(of.under(drawn[some], cells)), n, selector).sum(1)
    for some in _parts(SPLITS, len(cells)):
        sizes = [np.abs(of.under(half[some], cells)) for half in split]
        alike.append(_jaccards(edges, *sizes, *(edges.circuits(size, n, selector) for size in sizes)))
    chosen = np.flatnonzero(members)
    se = of.under(drawn, chosen).astype(np.float64).std(1)
    floors = dict(zip(KINDS, map(_floor, np.concatenate(alike, 1)), strict=True))
    return ErrorBars(se, held[chosen] / draws, floors)


class _Draws:
    """Scores of edges by draws of the prompts."""

    def __init__(
        self, scores: EdgeScores, by_prompt: Float[np.ndarray, "batch edge"], kept: Bool[np.ndarray, "src port"]
    ) -> None:
        self.graph, self.mean, self.by_prompt = scores.graph, scores.scores.ravel(), by_prompt
        self.kept, self.column = kept.ravel(), kept.cumsum() - 1

    def under(
        self, weights: Float[np.ndarray, "draw batch"], cells: Int[np.ndarray, " edge"]
    ) -> Float[np.ndarray, "edge draw"]:
        """Scores of some edges if prompts count so much."""
        found, known = np.repeat(self.mean[cells, None], len(weights), 1), self.kept[cells]
        found[known] = self.by_prompt[:, self.column[cells[known]]].T @ weights.T
        return found

    def candidates(self, weights: Float[np.ndarray, "draw batch"], n: int, selector: str) -> Int[np.ndarray, " edge"]:
        """All edges that are in a circuit of n edges of any draw, and some more."""
        every = np.flatnonzero(self.graph.real)
        ranked = every[EdgeList(self.graph, every).first(np.abs(self.mean[every]), selector)]
        first, least = np.sort(ranked[: 2 * n]), np.empty(len(weights), np.float32)
        edges = EdgeList(self.graph, first)
        for some in _parts(len(weights), len(first)):
            least[some] = edges.least(np.abs(self.under(weights[some], first)), n, selector)
        least *= 1 - ROUNDING
        blocks = (ranked[2 * n :][some] for some in _parts(len(ranked[2 * n :]), len(weights)))
        more = [cells[(np.abs(self.under(weights, cells)) >= least).any(1)] for cells in blocks]
        return np.sort(np.concatenate([first, *more]))


def _parts(n: int, width: int) -> list[slice]:
    """Rows of a matrix of this width, `PART` numbers at a time."""
    size = max(1, PART // max(1, width))
    return [slice(first, first + size) for first in range(0, n, size)]


def _jaccards(
    edges: EdgeList,
    size: Float[np.ndarray, "edge draw"],
    other_size: Float[np.ndarray, "edge draw"],
    mask: Bool[np.ndarray, "edge draw"],
    other: Bool[np.ndarray, "edge draw"],
) -> Float[np.ndarray, "kind draw"]:
    """Of edges, of nodes, and weighted; NaN where both circuits are empty."""
    shares = [part / np.maximum(part.sum(0), np.finfo(part.dtype).tiny) for part in (size * mask, other_size * other)]
    nodes = edges.nodes(mask), edges.nodes(other)
    pairs = ((np.minimum(a, b).sum(0), np.maximum(a, b).sum(0)) for a, b in ((mask, other), nodes, shares))
    return np.stack([np.divide(common, all_, out=np.full(len(all_), np.nan), where=all_ > 0) for common, all_ in pairs])


def _floor(values: Float[np.ndarray, " draw"]) -> Floor:
    told = values[~np.isnan(values)]
    return Floor(float(told.mean()), float(np.quantile(told, LOW))) if len(told) else Floor()
