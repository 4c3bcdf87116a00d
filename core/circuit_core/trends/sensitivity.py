"""How far the step of an emergence hangs on its two thresholds (METHODS l.14): each lowered and raised by a quarter.

For a role these are half of the head's highest score and the role's floor; for a task half of the final metric, and the
two standard errors that the final metric must exceed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from circuit_core.trends.emergence import EMERGED, lasting
from circuit_core.trends.floors import Floor
from circuit_core.trends.tasks import HALF_OF_FINAL, reached

MOVED = 0.25


@dataclass(frozen=True)
class Sensitivity:
    """The step at which it emerges then; None if it does not."""

    half_lower: int | None
    half_higher: int | None
    floor_lower: int | None
    floor_higher: int | None


def head_sensitivity(steps: Sequence[int], scores: Float[np.ndarray, " step"], floor: Floor) -> Sensitivity:
    """Of a role at one head; NaN was not scored."""
    at = np.flatnonzero(~np.isnan(scores))
    x = scores[at]

    def emerged(half: float, least: float) -> int | None:
        of = replace(floor, value=least * floor.value)
        first = lasting(of.reached(x) & (x >= half * EMERGED * x.max(initial=0)))
        return None if first is None else steps[at[first]]

    return _moved(emerged)


def task_sensitivity(
    steps: Sequence[int], metric: Float[np.ndarray, " step"], stderr: Float[np.ndarray, " step"]
) -> Sensitivity:
    """Of a task; NaN was not measured."""
    at = np.flatnonzero(~np.isnan(metric))
    x, error = metric[at], stderr[at]

    def acquired(half: float, least: float) -> int | None:
        if len(x) < 2 or not x[-1] > least * 2 * error[-1]:
            return None
        return steps[at[reached(x >= half * HALF_OF_FINAL * x[-1])]]

    return _moved(acquired)


def _moved(step: Callable[[float, float], int | None]) -> Sensitivity:
    return Sensitivity(step(1 - MOVED, 1), step(1 + MOVED, 1), step(1, 1 - MOVED), step(1, 1 + MOVED))
