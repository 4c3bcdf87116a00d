"""The smallest circuit that does enough of the task, by one of three searches (`strategies`), or at given sizes.

Curves are not monotone, so the result means: it reaches the threshold, and no smaller size that was evaluated does. A
circuit without edges never reaches it, though its faithfulness may, where the corruption leaves the metric high. Where
faithfulness rests on nothing (see `faithfulness`) there is no search: the members are those of the largest size up to
5 % of the edges.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from circuit_core.circuits import areas, selection
from circuit_core.circuits.faithfulness import NOT_FINITE, Curve, Point, Runs, Shares
from circuit_core.circuits.strategies import SEARCHES, SMALL, Reach, given, grid_sizes

NO_PATH = "the edges selected hold no path from input to logits"


@dataclass(frozen=True)
class MinimalCircuit:
    """The circuit that a search chose, and all that it saw."""

    mask: Bool[np.ndarray, "src port"]
    chosen: Point | None
    curve: list[Point]
    metric_clean: float
    metric_corrupted: float
    threshold_reached: bool | None
    """None where faithfulness, raw or normalised, is undefined."""
    areas: areas.Areas
    reason: str | None
    """Why faithfulness is undefined or what it cannot tell, or None."""


def minimal_circuit(
    run: Runs,
    scores: Float[np.ndarray, "src port"],
    selector: str = "greedy",
    threshold: float = 0.8,
    search: str = "grid",
    sizes: tuple[int, ...] = (),
    held_out: Runs | None = None,
    draws: int = 0,
) -> MinimalCircuit:
    """Search the smallest circuit whose faithfulness reaches `threshold`.

    Args:
        sizes: evaluate these instead of searching; the first that reaches the threshold is chosen, else the last.
        held_out: other prompts, on which the curve is measured too.
        draws: random circuits for the baseline of each point.

    Raises:
        ValueError: a size is more than the model has edges.
    """
    curve = Curve(run, selection.order(scores, run.graph, selector), held_out)
    if curve.on.reason_normalised:
        n, reached = _small(curve, sorted(sizes)), None
    else:
        reach = Reach(curve, threshold)
        n = given(reach, sorted(sizes)) if sizes else SEARCHES[search](reach)
        n = next((p.n_requested for p in curve.points if reach(p.n_requested)), n)
        reached = reach(n)
    return _result(curve, n, threshold, reached, draws)


def _small(curve: Curve, sizes: list[int]) -> int:
    """The largest size up to 5 % of the edges, of those given or of the grid."""
    total = curve.graph.n_edges
    sizes = sizes or grid_sizes(total)
    curve.evaluate(sizes)
    return [sizes[0], *(n for n in sizes if n <= SMALL * total)][-1]


def _result(curve: Curve, n: int, threshold: float, reached: bool | None, draws: int) -> MinimalCircuit:
    on, finite = curve.on, curve.on.reason != NOT_FINITE
    points = curve.with_baseline(draws)
    chosen = next(p for p in points if p.n_requested == n) if finite else None
    return MinimalCircuit(
        mask=curve.mask(n) if finite else np.zeros_like(curve.graph.real),
        chosen=chosen,
        curve=points,
        metric_clean=on.clean,
        metric_corrupted=on.corrupted,
        threshold_reached=reached,
        areas=areas.of(points, curve.graph.n_edges, on.reason_normalised),
        reason="; ".join(_reasons(on, chosen, threshold, curve.held_out)) or None,
    )


def _reasons(on: Shares, chosen: Point | None, threshold: float, held_out: Shares | None) -> list[str]:
    said, empty = on.reasons, on.raw(on.corrupted)
    if not on.reason_normalised:
        if empty is not None and empty >= threshold:
            said.append(f"corruption leaves the metric high: the empty circuit has faithfulness {empty:.2f}")
        if chosen and not chosen.n_edges:
            said.append(NO_PATH)
    return said + [f"held-out prompts: {why}" for why in (held_out.reasons if held_out else [])]
