"""The smallest circuit that does enough of the task, by one of three searches (`search_strategies`), or at given sizes.

Curves are not monotone, so the result means: it reaches the threshold, and no smaller size that was evaluated does. A
circuit without edges never reaches it, though its faithfulness may, where the corruption leaves the metric high: then
every circuit would, and whether it is reached is undefined (METHODS l.6). Where faithfulness rests on nothing (see
`faithfulness`) there is no search: the members are those of the largest size up to 5 % of the edges.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from circuit_core.circuits import mib_areas, selection
from circuit_core.circuits.faithfulness import NOT_FINITE, Curve, FaithfulnessPoint, Runs
from circuit_core.circuits.search_strategies import SEARCHES, SMALL, Threshold, grid_sizes

OVER_HELD_OUT, OVER_CHOOSING = "held-out prompts", "the prompts that chose it"
"""Which prompts an interval is over."""
EMPTY_REACHES = "the empty circuit reaches the threshold: corruption leaves more than that of the metric"
NO_PATH = "the edges selected hold no path from input to logits"


@dataclass(frozen=True)
class MinimalCircuit:
    """The circuit that a search chose, and all that it saw."""

    mask: Bool[np.ndarray, "src port"]
    chosen: FaithfulnessPoint | None
    curve: list[FaithfulnessPoint]
    metric_clean: float
    metric_corrupted: float
    threshold_reached: bool | None
    """None where faithfulness, raw or normalised, is undefined, and where the empty circuit reaches it as well."""
    interval: tuple[float, float] | None
    """95 % of the chosen circuit's faithfulness; that on held-out prompts where there are any."""
    interval_of: str | None
    areas: mib_areas.Areas
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
    threshold_on: str = "raw",
    with_areas: bool = False,
) -> MinimalCircuit:
    """Search the smallest circuit whose faithfulness reaches `threshold`.

    Args:
        threshold_on: `raw` or `normalised` faithfulness.
        with_areas: compute CPR and CMD of these scores, too (see `mib_areas`).
        sizes: evaluate these instead of searching; the first that reaches the threshold is chosen, else the last.
        held_out: other prompts, on which the curve is measured too.
        draws: random circuits for the baseline of each point.

    Raises:
        ValueError: a size is more than the model has edges.
    """
    curve = Curve(run, selection.order(scores, run.graph, selector), held_out)
    reach = Threshold(curve, threshold, threshold_on)
    if curve.on.reason_normalised:
        asked = sorted(sizes) or grid_sizes(reach.total)  # no search: the largest up to 5 % of the edges
        n, reached = [asked[0], *(n for n in asked if n <= SMALL * reach.total)][-1], None
        curve.evaluate(asked)
    else:
        curve.evaluate(sorted(sizes))
        n = max(sizes) if sizes else SEARCHES[search](reach)
        n = next((p.n_requested for p in curve.points if reach(p.n_requested)), n)
        reached = None if reach.empty_reaches else reach(n)
    found = mib_areas.areas(curve.on, scores) if with_areas else mib_areas.Areas(reason=mib_areas.NOT_ASKED)
    return _result(reach, n, reached, draws, found)


def _result(reach: Threshold, n: int, reached: bool | None, draws: int, found: mib_areas.Areas) -> MinimalCircuit:
    curve, on = reach.curve, reach.curve.on
    finite = on.reason != NOT_FINITE
    points = curve.with_baseline(draws, n)
    chosen = next(p for p in points if p.n_requested == n) if finite else None
    mask = curve.mask(n) if finite else np.zeros_like(curve.graph.real)
    interval = (curve.held_out or on).interval(mask) if chosen and chosen.faithfulness is not None else None
    reasons = on.reasons
    if not on.reason_normalised:
        if reach.empty_reaches:
            reasons.append(EMPTY_REACHES)
        if chosen and not chosen.n_edges:
            reasons.append(NO_PATH)
    reasons += [f"held-out prompts: {why}" for why in (curve.held_out.reasons if curve.held_out else [])]
    return MinimalCircuit(
        mask=mask,
        chosen=chosen,
        curve=points,
        metric_clean=on.clean,
        metric_corrupted=on.corrupted,
        threshold_reached=reached,
        interval=interval,
        interval_of=(OVER_HELD_OUT if curve.held_out else OVER_CHOOSING) if interval else None,
        areas=found,
        reason="; ".join(reasons) or None,
    )
