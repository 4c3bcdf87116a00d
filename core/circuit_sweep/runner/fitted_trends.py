"""Rows of the tables `logistic`, `load` and `stability` (METHODS h.11, h.12, l.14) of the series of a model."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from circuit_core.trends.emergence import Earliest
from circuit_core.trends.floors import Floor
from circuit_core.trends.load import role_load
from circuit_core.trends.logistic import logistic
from circuit_core.trends.sensitivity import head_sensitivity, task_sensitivity
from circuit_core.trends.stability import stage_stability
from circuit_core.trends.tasks import TaskAcquisition
from circuit_store.trend_series import StageFound

Row = dict[str, Any]
ROUNDING = 1e-5
"""By which the mean over prompts may differ from a score, which is float32."""


def of_task(
    steps: Sequence[int],
    tokens: Sequence[int | None],
    metric: Float[np.ndarray, " step"],
    stderr: Float[np.ndarray, " step"],
    found: TaskAcquisition,
) -> Row:
    """When a task comes, as a curve; what the plateau must reach is what the final metric must."""
    if found.half_threshold is None:
        return {"reason": found.reason}
    fit = logistic(tokens, metric, found.least or 0.0)
    over = None if fit.midpoint is None else "checkpoints"
    return {**vars(fit), "interval_over": over, **vars(task_sensitivity(steps, metric, stderr))}


def of_role(
    steps: Sequence[int],
    tokens: Sequence[int | None],
    scores: Float[np.ndarray, "step layer head"],
    floor: Floor,
    by_prompt: Callable[[int, int], Float[np.ndarray, "step prompt"] | None],
    earliest: Earliest,
) -> Row:
    """When a role comes to its earliest head, as a curve.

    Args:
        by_prompt: scores of a head, prompt by prompt; None where they are not kept at every checkpoint.
    """
    if (head := earliest.head) is None:
        return {"reason": earliest.reason}
    values, each = scores[:, head.layer, head.head], by_prompt(head.layer, head.head)
    if each is not None and not np.allclose(each.mean(1), values, atol=ROUNDING, equal_nan=True):
        each = None
    fit = logistic(tokens, values, floor.value, each)
    over = None if fit.midpoint is None else "checkpoints" if each is None else "prompts"
    at = {"layer": head.layer, "head": head.head, "interval_over": over}
    return {**vars(fit), **at, **vars(head_sensitivity(steps, values, floor))}


def of_loads(steps: Sequence[int], scores: Float[np.ndarray, "step layer head"], floor: Floor) -> list[Row]:
    """At each checkpoint at which some head was scored."""
    found = [(step, role_load(at, floor)) for step, at in zip(steps, scores, strict=True)]
    none = f"no head reaches the floor ({floor.value:.2f})" if floor.value else "no head passes the role's test"
    return [
        {"step": step, **vars(load), "floor": floor.value, "reason": None if load.heads else none}
        for step, load in found
        if load.scored
    ]


def of_stages(steps: Sequence[int], found: Sequence[Sequence[StageFound]]) -> list[Row]:
    """Of each stage, in the order of the algorithm."""
    rows = []
    for name in dict.fromkeys(stage.stage for at in found for stage in at):
        at = [next((stage for stage in stages if stage.stage == name), None) for stages in found]
        percents = np.array([np.nan if s is None or s.percent is None else s.percent for s in at])
        rows.append(
            {"stage": name, **vars(stage_stability(steps, percents, [s.heads if s else frozenset() for s in at]))}
        )
    return rows
