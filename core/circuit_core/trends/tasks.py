"""When a task is acquired (METHODS g.6).

The final metric is that of the last checkpoint at which the task was measured:

    half     first checkpoint with metric >= .5 final, if the next has it too
    most     first checkpoint with metric >= .9 final, if the next has it too
    minimum  lowest metric before half: negative where the model first learns the opposite

The last checkpoint needs no next, for it is what the others are measured by. Those without a metric (NaN) are passed
over.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

HALF_OF_FINAL, MOST_OF_FINAL = 0.5, 0.9
"""Shares of the final metric."""


@dataclass(frozen=True)
class TaskAcquisition:
    """Steps, and metrics in the task's unit; `reason` says why there are none."""

    final: float | None = None
    final_step: int | None = None
    least: float | None = None
    """Two plain standard errors, which the final metric must exceed."""
    half_threshold: float | None = None
    half_step: int | None = None
    most_threshold: float | None = None
    most_step: int | None = None
    minimum: float | None = None
    minimum_step: int | None = None
    """None if the first checkpoint has half of the final metric."""
    reason: str | None = None


def task_acquisition(
    steps: Sequence[int], metric: Float[np.ndarray, " step"], stderr: Float[np.ndarray, " step"]
) -> TaskAcquisition:
    """Half and nine tenths of the final metric, and the minimum before.

    Undefined where the final metric is at most two standard errors, and for fewer than two checkpoints.
    """
    at = np.flatnonzero(~np.isnan(metric))
    if len(at) < 2:
        return TaskAcquisition(reason=f"needs two checkpoints: {len(at)} measured")
    x, measured = metric[at], [steps[i] for i in at.tolist()]
    final, least = float(x[-1]), 2 * float(stderr[at[-1]])
    if not final > least:
        why = f"the final metric {final:.3g} at step {measured[-1]} is not above two standard errors ({least:.3g})"
        return TaskAcquisition(final, measured[-1], least, reason=why)
    half, most = reached(x >= HALF_OF_FINAL * final), reached(x >= MOST_OF_FINAL * final)
    low = int(x[:half].argmin()) if half else None
    return TaskAcquisition(
        final=final,
        final_step=measured[-1],
        least=least,
        half_threshold=HALF_OF_FINAL * final,
        half_step=measured[half],
        most_threshold=MOST_OF_FINAL * final,
        most_step=measured[most],
        minimum=None if low is None else float(x[low]),
        minimum_step=None if low is None else measured[low],
    )


def reached(holds: Bool[np.ndarray, " step"]) -> int:
    """First index at which it holds and at the next too; it holds at the last."""
    return int((holds & np.append(holds[1:], True)).argmax())
