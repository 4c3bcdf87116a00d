"""When a role emerges at a head, and when it is lost (METHODS g.6).

With m the head's highest score over the run:

    emerged  first of two consecutive checkpoints with score >= m / 2, if m is above zero and reaches the role's floor
    lost     first of two consecutive later checkpoints with score < .33 m

Consecutive are checkpoints at which the head was scored: those without a score (NaN) are passed over. The last one
alone does not show that a score lasts, so nothing emerges or is lost there. A step is an upper bound: what emerged at
the first checkpoint may be older. The rule knows no chance: a low floor (copy scores, .10) lets an untrained head pass
that reaches it by its random weights, and training loses it. A role that is lost and regained keeps its first steps.
The role's own row is its earliest head; ties go to the higher m, then to the lower layer and head. Scores are
fractions.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

FLOORS = {
    "induction": 0.3,
    "duplicate_token": 0.3,
    "previous_token": 0.3,
    "successor": 0.3,
    "name_mover": 0.1,
    "negative_name_mover": 0.1,
    "copy_suppression": 0.1,
    "s_inhibition": 0.0,
}
"""What a role's highest score must reach. S-inhibition has a test instead: its score is above zero where it passes."""
TASK_OF = {role: "greater_than" if role in ("successor", "induction") else "ioi" for role in FLOORS}
"""The task in whose circuit a role's heads are looked for, unless its prompts are another's.

As the paper's code pairs them (METHODS g.4); of the roles that it does not pair, all are parts of the IOI algorithm.
"""
EMERGED, LOST = 0.5, 0.33
"""Shares of a head's highest score."""


@dataclass(frozen=True)
class HeadEmergence:
    """A role's course at one head."""

    role: str
    layer: int
    head: int
    maximum: float
    maximum_step: int
    threshold: float
    """Score from which the role counts as there, half of `maximum`."""
    lost_threshold: float
    emerged_step: int | None
    lost_step: int | None

    @property
    def name(self) -> str:
        return f"a{self.layer}.h{self.head}"


@dataclass(frozen=True)
class Earliest:
    """A role's earliest head, or why there is none."""

    head: HeadEmergence | None
    reason: str | None


@dataclass(frozen=True)
class RoleEmergence:
    """A role's course in a model."""

    role: str
    floor: float
    heads: list[HeadEmergence]
    """Every head that was scored, by layer and head, whether the role emerged there or not."""
    anywhere: Earliest
    in_circuit: Earliest | None
    """Among the allowed heads; None if no restriction was given."""


def role_emergence(
    steps: Sequence[int],
    scores: Float[np.ndarray, "step layer head"],
    role: str,
    allowed: Bool[np.ndarray, "layer head"] | None = None,
) -> RoleEmergence:
    """Each head's course and the role's earliest head.

    Args:
        allowed: heads that occur, at any checkpoint, as source and as destination in the matching task's circuit.

    Raises:
        KeyError: no such role.
    """
    floor = FLOORS[role]
    scored = np.argwhere(~np.isnan(scores).all(0)).tolist()
    heads = [_course(steps, scores[:, layer, head], role, layer, head) for layer, head in scored]
    anywhere = _earliest(heads, floor, "no head")
    if allowed is None:
        return RoleEmergence(role, floor, heads, anywhere, None)
    inside = [h for h in heads if allowed[h.layer, h.head]]
    return RoleEmergence(role, floor, heads, anywhere, _earliest(inside, floor, "no head of the circuit"))


def _course(
    steps: Sequence[int], scores: Float[np.ndarray, " step"], role: str, layer: int, head: int
) -> HeadEmergence:
    at = np.flatnonzero(~np.isnan(scores))
    x = scores[at]
    peak = int(x.argmax())
    maximum = float(x[peak])
    threshold, lost_threshold = EMERGED * maximum, LOST * maximum
    reaches = maximum > 0 and maximum >= FLOORS[role]
    emerged = lasting(x >= threshold) if reaches else None
    lost = None if emerged is None else lasting(x < lost_threshold, emerged + 1)
    emerged_step, lost_step = (None if i is None else steps[at[i]] for i in (emerged, lost))
    return HeadEmergence(
        role, layer, head, maximum, steps[at[peak]], threshold, lost_threshold, emerged_step, lost_step
    )


def lasting(holds: Bool[np.ndarray, " step"], start: int = 0) -> int | None:
    """Index of the first of two consecutive checkpoints, from `start` on, at which it holds."""
    found = np.flatnonzero(holds[start:-1] & holds[start + 1 :])
    return start + int(found[0]) if len(found) else None


def _earliest(heads: list[HeadEmergence], floor: float, none: str) -> Earliest:
    emerged = [(h.emerged_step, -h.maximum, i) for i, h in enumerate(heads) if h.emerged_step is not None]
    if emerged:
        return Earliest(heads[min(emerged)[-1]], None)
    if not heads:
        return Earliest(None, f"{none} was scored")
    best = max(heads, key=lambda h: h.maximum)
    highest = f"highest {best.maximum:.2f} {best.name} at step {best.maximum_step}"
    if best.maximum > 0 and best.maximum >= floor:
        return Earliest(None, f"{none} keeps half of its highest score for two checkpoints: {highest}")
    short = f"reaches the floor ({floor:.2f})" if floor else "passes the role's test"
    return Earliest(None, f"{none} {short}: {highest}")
