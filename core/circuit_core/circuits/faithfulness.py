"""How much of the task a circuit keeps (METHODS c.5), over circuits of growing size.

Faithfulness is mean metric of the circuit / mean metric of the model; normalised faithfulness puts the corrupted run at
zero. Both are undefined where the model does not do the task: mean metric at most two standard errors. The normalised
one is undefined too where corruption does not tell: mean difference of clean and corrupted metric at most two standard
errors of the paired differences. One prompt has no standard error: there the metric need only be above zero, and the
difference not zero. A curve may be measured on held-out prompts as well. Its baseline are random circuits of exactly as
many edges, see `random_circuits`. No comparison rests on rounding: what is equal but for it counts as equal.

The interval of a circuit's faithfulness is over prompts, with the circuit as it is: F +- 1.96 SE, where SE is that of
the mean of m(circuit) - F m(model) over the prompts, as a share of the mean of m(model) (the ratio estimator's). On the
prompts that chose the circuit it is conditional on that choice; held-out prompts are free of it.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float
from torch import Tensor

from circuit_core.circuits import selection
from circuit_core.circuits.random_circuits import random_circuits
from circuit_core.interchange.evaluation import Evaluation, Interchange
from circuit_core.margins import ROUNDING

Runs = Interchange | Evaluation
"""What evaluates circuits on one set of prompts."""
NOT_DONE = "does not do the task"
NOT_FINITE = "the model's logits are not finite"
ONE_PROMPT = "one prompt: no standard error can be given"
NO_CHANGE = "corruption changes nothing: the metric is the same on clean and corrupted prompts"
NO_CLEAR_CHANGE = "corruption changes the metric by at most two standard errors"
SPREAD = 4
"""Sizes of a curve at which random circuits are evaluated, besides the chosen one and ends that need no evaluation."""


def reaches(share: float, threshold: float) -> bool:
    """Whether a share is at least so much; what is less by rounding alone is."""
    return share >= threshold - ROUNDING


@dataclass(frozen=True)
class FaithfulnessPoint:
    """One circuit of the curve; metrics are means over prompts."""

    n_requested: int
    n_edges: int
    n_nodes: int
    metric: float
    faithfulness: float | None
    faithfulness_normalised: float | None
    held_out_metric: float | None = None
    held_out_faithfulness: float | None = None
    random_baseline: float | None = None
    """Mean faithfulness of random circuits of `n_edges` edges; None where they were not evaluated."""
    random_low: float | None = None
    random_high: float | None = None
    """The smallest and the largest of them."""


def standard_error(values: Float[Tensor, " batch"]) -> float | None:
    """Of the mean; None for a single example."""
    return (values.std() / math.sqrt(len(values))).item() if len(values) > 1 else None


def undefined(values: Float[Tensor, " batch"]) -> str | None:
    """Why no share of this metric can be given, or None if it can; what rounding decides is zero in it already."""
    if not values.isfinite().all():
        return NOT_FINITE
    return NOT_DONE if values.mean().item() <= 2 * (standard_error(values) or 0) else None


def unchanged(clean: Float[Tensor, " batch"], corrupted: Float[Tensor, " batch"]) -> str | None:
    """Why the corrupted run cannot be the zero of a scale, or None if it can."""
    change = clean - corrupted
    if change.abs().max() <= ROUNDING * clean.abs().max():
        return NO_CHANGE
    return NO_CLEAR_CHANGE if abs(change.mean().item()) <= 2 * (standard_error(change) or 0) else None


class Faithfulness:
    """Metrics of circuits on one set of prompts, and what share of the model's they are."""

    def __init__(self, run: Runs) -> None:
        self.run = run
        self.clean, self.corrupted = run.clean.mean().item(), run.corrupted.mean().item()
        self.reason = undefined(run.clean) or (None if run.corrupted.isfinite().all() else NOT_FINITE)
        self.reason_normalised = self.reason or unchanged(run.clean, run.corrupted)
        """Why shares, and normalised ones, are undefined."""

    @property
    def reasons(self) -> list[str]:
        """What is to say of these prompts."""
        one = len(self.run.clean) == 1 and self.reason != NOT_FINITE
        return [*([self.reason_normalised] if self.reason_normalised else []), *([ONE_PROMPT] if one else [])]

    def metrics(self, masks: Bool[np.ndarray, "circuit src port"]) -> list[float]:
        """Mean metric of each circuit; the empty one is the corrupted run, the full one the clean run."""
        edges = masks.sum((1, 2))
        found = np.where(edges == 0, self.corrupted, self.clean)
        if len(todo := np.flatnonzero((edges > 0) & (edges < self.run.graph.n_edges))):
            found[todo] = self.run.metrics(masks[todo]).mean(1).cpu().numpy()
        return found.tolist()

    def interval(self, mask: Bool[np.ndarray, "src port"]) -> tuple[float, float] | None:
        """95 % interval of a circuit's faithfulness over these prompts; None for one prompt, or if it is undefined."""
        if self.reason or len(self.run.clean) == 1:
            return None
        metrics = self.run.metrics(mask[None])[0]
        share = (metrics.mean() / self.run.clean.mean()).item()
        error = 1.96 * (standard_error(metrics - share * self.run.clean) or 0.0) / self.clean
        return share - error, share + error

    def raw(self, metric: float) -> float | None:
        return None if self.reason else metric / self.clean

    def normalised(self, metric: float) -> float | None:
        return None if self.reason_normalised else (metric - self.corrupted) / (self.clean - self.corrupted)


class Curve:
    """Circuits of growing size along one order of edges; each circuit is evaluated once."""

    def __init__(self, run: Runs, ordered: np.ndarray, held_out: Runs | None = None) -> None:
        self.graph, self.ordered, self.on = run.graph, ordered, Faithfulness(run)
        self.held_out = Faithfulness(held_out) if held_out else None
        self.seen: dict[int, FaithfulnessPoint] = {}
        self._of: dict[bytes, FaithfulnessPoint] = {}

    def mask(self, n: int) -> Bool[np.ndarray, "src port"]:
        return selection.circuit(self.ordered, n, self.graph)

    def evaluate(self, sizes: list[int]) -> list[FaithfulnessPoint]:
        """The points of these sizes, side by side as far as memory goes; those of one pruned circuit are one."""
        circuits = {n: self.mask(n) for n in sizes if n not in self.seen}
        keys = {n: np.packbits(mask).tobytes() for n, mask in circuits.items()}
        todo = {keys[n]: n for n in circuits if keys[n] not in self._of}
        if todo:
            masks = np.stack([circuits[n] for n in todo.values()])
            held_out = self.held_out.metrics(masks) if self.held_out else [None] * len(todo)
            for n, mask, metric, other in zip(todo.values(), masks, self.on.metrics(masks), held_out, strict=True):
                self._of[keys[n]] = self._point(n, mask, metric, other)
        self.seen |= {n: replace(self._of[key], n_requested=n) for n, key in keys.items()}
        return [self.seen[n] for n in sizes]

    def _point(self, n: int, mask: np.ndarray, metric: float, held_out: float | None) -> FaithfulnessPoint:
        return FaithfulnessPoint(
            n_requested=n,
            n_edges=int(mask.sum()),
            n_nodes=selection.n_nodes(mask, self.graph),
            metric=metric,
            faithfulness=self.on.raw(metric),
            faithfulness_normalised=self.on.normalised(metric),
            held_out_metric=held_out,
            held_out_faithfulness=self.held_out.raw(held_out) if self.held_out and held_out is not None else None,
        )

    @property
    def points(self) -> list[FaithfulnessPoint]:
        return [self.seen[n] for n in sorted(self.seen)]

    def with_baseline(self, draws: int, chosen: int) -> list[FaithfulnessPoint]:
        """The points, some with the faithfulness of `draws` random circuits of as many edges.

        Args:
            chosen: a size of which it is measured; others are spread evenly over the logarithm of the edges.
        """
        sizes = self._spread(self.seen[chosen].n_edges) if chosen in self.seen else []
        if self.on.reason or not draws or not sizes:
            return self.points
        drawn = [random_circuits(sizes, self.graph, seed) for seed in range(draws)]
        metrics = self.on.metrics(np.stack([circuits[n] for circuits in drawn for n in sizes]))
        shares = np.reshape(metrics, (draws, len(sizes))) / self.on.clean
        measured = {n: of.tolist() for n, of in zip(sizes, shares.T, strict=True)}
        return [self._beside(p, measured.get(p.n_edges)) for p in self.points]

    def _spread(self, chosen: int) -> list[int]:
        """Numbers of edges: the ends, which cost nothing, the chosen one, and up to `SPREAD` between."""
        edges = {p.n_edges for p in self.points}
        ends, between = edges & {0, self.graph.n_edges}, sorted(edges - {0, self.graph.n_edges})
        marks = np.geomspace(between[0], between[-1], SPREAD) if between else []
        return sorted({chosen, *ends, *(min(between, key=lambda n: abs(math.log(n / mark))) for mark in marks)})

    @staticmethod
    def _beside(point: FaithfulnessPoint, of: list[float] | None) -> FaithfulnessPoint:
        if of is None:
            return point
        return replace(point, random_baseline=sum(of) / len(of), random_low=min(of), random_high=max(of))
