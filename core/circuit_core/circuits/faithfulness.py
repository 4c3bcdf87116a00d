"""How much of the task a circuit keeps, over sizes, and the smallest circuit that keeps enough (METHODS c.5, c.6).

Faithfulness is mean metric of the circuit / mean metric of the model; normalised faithfulness puts the corrupted run at
zero. Both are undefined where the model does not do the task: mean metric at most two standard errors.

Search `grid`: evaluate the circuits of .1, .2, .5, 1, 2, 5, 10, 20, 50 and 100 % of the edges, take the first that
reaches the threshold, and bisect between it and the one before. Curves are not monotone, so the result means: it
reaches the threshold, and no smaller size that was evaluated does.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from torch import Tensor

from circuit_core.circuits import selection
from circuit_core.circuits.interchange import Interchange

GRID = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
NOT_DONE = "does not do the task"
NOT_FINITE = "the model's logits are not finite"
WITHOUT_THRESHOLD = 0.05
"""Share of the edges up to which members are kept where faithfulness is undefined."""


@dataclass(frozen=True)
class Point:
    """One circuit of the curve."""

    n_requested: int
    n_edges: int
    n_nodes: int
    metric: float
    """Mean over prompts."""
    faithfulness: float | None
    faithfulness_normalised: float | None


@dataclass(frozen=True)
class MinimalCircuit:
    """The circuit that a search chose, and all that it saw."""

    mask: Bool[np.ndarray, "src port"]
    chosen: Point | None
    curve: list[Point]
    metric_clean: float
    metric_corrupted: float
    threshold_reached: bool | None
    reason: str | None
    """Why faithfulness is undefined, or None."""


def standard_error(values: Float[Tensor, " batch"]) -> float:
    """Of the mean; 0 for a single example."""
    return (values.std() / math.sqrt(len(values))).item() if len(values) > 1 else 0.0


def undefined(values: Float[Tensor, " batch"]) -> str | None:
    """Why no share of this metric can be given, or None if it can."""
    if not values.isfinite().all():
        return NOT_FINITE
    return NOT_DONE if values.mean().item() <= 2 * standard_error(values) else None


class Curve:
    """Circuits of growing size along one order of edges; each size is evaluated once."""

    def __init__(self, run: Interchange, ordered: np.ndarray) -> None:
        self.run, self.ordered = run, ordered
        self.clean, self.corrupted = run.clean.mean().item(), run.corrupted.mean().item()
        self.reason = undefined(run.clean)
        self.seen: dict[int, Point] = {}

    def mask(self, n: int) -> np.ndarray:
        return selection.circuit(self.ordered, n, self.run.graph)

    def evaluate(self, sizes: list[int]) -> list[Point]:
        """The points of these sizes, side by side as far as memory goes."""
        todo = [n for n in dict.fromkeys(sizes) if n not in self.seen]
        for first in range(0, len(todo), self._abreast):
            part = todo[first : first + self._abreast]
            masks = np.stack([self.mask(n) for n in part])
            for n, mask, metric in zip(part, masks, self.run.metrics(masks).mean(1).tolist(), strict=True):
                self.seen[n] = self._point(n, mask, metric)
        return [self.seen[n] for n in sizes]

    @property
    def _abreast(self) -> int:
        embed = self.run.writes.embed
        return max(1, 2**25 // (self.run.graph.n_sources * embed.numel()))

    def _point(self, n: int, mask: np.ndarray, metric: float) -> Point:
        share = normalised = None
        if self.reason is None:
            share = metric / self.clean
            gap = self.clean - self.corrupted
            normalised = (metric - self.corrupted) / gap if gap else None
        return Point(n, int(mask.sum()), selection.n_nodes(mask, self.run.graph), metric, share, normalised)

    @property
    def points(self) -> list[Point]:
        return [self.seen[n] for n in sorted(self.seen)]


def minimal_circuit(
    run: Interchange, scores: Float[np.ndarray, "src port"], selector: str = "greedy", threshold: float = 0.8
) -> MinimalCircuit:
    """The smallest circuit whose faithfulness reaches `threshold`, by the search `grid`."""
    curve = Curve(run, selection.order(scores, run.graph, selector))
    total = run.graph.n_edges
    sizes = sorted({max(1, int(total * share)) for share in GRID})
    points = curve.evaluate(sizes)
    if curve.reason == NOT_FINITE:
        return _result(curve, None, np.zeros_like(run.graph.real))
    if curve.reason:
        small = [n for n in sizes if n <= WITHOUT_THRESHOLD * total] or sizes[:1]
        return _result(curve, curve.seen[small[-1]], curve.mask(small[-1]))
    reached = [p.n_requested for p in points if _reaches(p, threshold)]
    if not reached:
        return _result(curve, points[-1], curve.mask(total), False)
    below = [n for n in sizes if n < reached[0]]
    n = _bisect(curve, below[-1] if below else 0, reached[0], threshold)
    return _result(curve, curve.seen[n], curve.mask(n), True)


def _reaches(point: Point, threshold: float) -> bool:
    return point.faithfulness is not None and point.faithfulness >= threshold


def _bisect(curve: Curve, below: int, reached: int, threshold: float) -> int:
    while reached - below > 1:
        middle = (below + reached) // 2
        if _reaches(curve.evaluate([middle])[0], threshold):
            reached = middle
        else:
            below = middle
    return reached


def _result(curve: Curve, chosen: Point | None, mask: np.ndarray, reached: bool | None = None) -> MinimalCircuit:
    return MinimalCircuit(mask, chosen, curve.points, curve.clean, curve.corrupted, reached, curve.reason)
