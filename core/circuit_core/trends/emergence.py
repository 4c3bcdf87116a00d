"""When a role emerges at a head, and when it is lost (METHODS g.6, l.4).

With m the head's highest score over the run:

    emerged  first of two consecutive checkpoints with score >= m / 2 that reaches the role's floor (`floors`)
    lost     first of two consecutive later checkpoints with score < .33 m

Consecutive are checkpoints at which the head was scored: those without a score (NaN) are passed over. The last one
alone does not show that a score lasts, so nothing emerges or is lost there; a head that reaches the floor there and
nowhere before says so (`last checkpoint only`). A step is an upper bound: what emerged at the first checkpoint may be
older. A role that is lost and regained keeps its first steps. The role's own row is its earliest head; ties go to the
higher m, then to the lower layer and head. Scores are fractions.

How far a score falls where it is lost, and rises where it emerges, is the mean over the three checkpoints from there on
against that over the three before, or as many as there are; `handoffs` compares the two.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

from circuit_core.trends.floors import ROLE_FLOORS, Floor, floor_of

OF_YEARS = ("greater_than", "greater_than_digit")
"""One question in two forms: a tokenizer can express the first, or the second where each digit is a token."""
TASKS_OF = {role: OF_YEARS if role in ("successor", "induction") else ("ioi",) for role in ROLE_FLOORS}
"""The task in whose circuit a role's heads are looked for, unless its prompts are another's; of several the first of
which a circuit counts.

As the paper's code pairs them (METHODS g.4); of the roles that it does not pair, all are parts of the IOI algorithm.
"""
EMERGED, LOST = 0.5, 0.33
"""Shares of a head's highest score."""
AVERAGED = 3
"""Checkpoints on either side over which rise and fall are measured."""
State = Literal["emerged", "lost", "last checkpoint only"]


@dataclass(frozen=True)
class HeadEmergence:
    """A role's course at one head."""

    role: str
    layer: int
    head: int
    maximum: float
    maximum_step: int
    threshold: float
    """Score from which the role counts as there: half of `maximum`, or the floor where that is higher."""
    lost_threshold: float
    emerged_step: int | None
    lost_step: int | None
    state: State | None = None
    """None if it never reaches the floor, or not where it keeps half of its highest score."""
    rise: float | None = None
    """How far the score rises where it emerges; None if it does not, or does so at the first checkpoint."""
    fall: float | None = None
    """How far the score falls where it is lost; None if it is not."""

    @property
    def name(self) -> str:
        return f"a{self.layer}.h{self.head}"


@dataclass(frozen=True)
class Earliest:
    """A role's earliest head, or why there is none."""

    head: HeadEmergence | None
    reason: str | None
    state: State | None = None
    """That head's; without one, `last checkpoint only` if some head reaches the floor there alone."""


@dataclass(frozen=True)
class RoleEmergence:
    """A role's course in a model."""

    role: str
    floor: Floor
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
    floor: Floor | None = None,
) -> RoleEmergence:
    """Each head's course and the role's earliest head.

    Args:
        allowed: heads that occur, at any checkpoint, as source and as destination in the matching task's circuit.
        floor: the role's own, if none is given.

    Raises:
        KeyError: no such role.
    """
    floor = floor or floor_of(role)
    scored = np.argwhere(~np.isnan(scores).all(0)).tolist()
    heads = [_course(steps, scores[:, layer, head], role, layer, head, floor) for layer, head in scored]
    anywhere = _earliest(heads, floor, "no head")
    if allowed is None:
        return RoleEmergence(role, floor, heads, anywhere, None)
    inside = [h for h in heads if allowed[h.layer, h.head]]
    return RoleEmergence(role, floor, heads, anywhere, _earliest(inside, floor, "no head of the circuit"))


def _course(
    steps: Sequence[int], scores: Float[np.ndarray, " step"], role: str, layer: int, head: int, floor: Floor
) -> HeadEmergence:
    at = np.flatnonzero(~np.isnan(scores))
    x = scores[at]
    peak = int(x.argmax())
    maximum = float(x[peak])
    above = floor.reached(x)
    emerged = lasting(above & (x >= EMERGED * maximum))
    lost = None if emerged is None else lasting(x < LOST * maximum, emerged + 1)
    only_last = bool(above[-1]) and not above[:-1].any()
    emerged_step, lost_step = (None if i is None else steps[at[i]] for i in (emerged, lost))
    fall = None if lost is None else _change(x, lost)
    return HeadEmergence(
        *(role, layer, head, maximum, steps[at[peak]]),
        threshold=max(EMERGED * maximum, floor.value),
        lost_threshold=LOST * maximum,
        emerged_step=emerged_step,
        lost_step=lost_step,
        state="lost" if lost else "emerged" if emerged is not None else "last checkpoint only" if only_last else None,
        rise=_change(x, emerged) if emerged else None,
        fall=None if fall is None else -fall,
    )


def _change(x: Float[np.ndarray, " step"], at: int) -> float:
    """Mean over the checkpoints from `at` on, minus that over those before."""
    return float(x[at : at + AVERAGED].mean() - x[max(0, at - AVERAGED) : at].mean())


def lasting(holds: Bool[np.ndarray, " step"], start: int = 0) -> int | None:
    """Index of the first of two consecutive checkpoints, from `start` on, at which it holds."""
    found = np.flatnonzero(holds[start:-1] & holds[start + 1 :])
    return start + int(found[0]) if len(found) else None


def _earliest(heads: list[HeadEmergence], floor: Floor, none: str) -> Earliest:
    emerged = [(h.emerged_step, -h.maximum, i) for i, h in enumerate(heads) if h.emerged_step is not None]
    if emerged:
        first = heads[min(emerged)[-1]]
        return Earliest(first, None, first.state)
    if not heads:
        return Earliest(None, f"{none} was scored")
    best = max(heads, key=lambda h: h.maximum)
    highest = f"highest {best.maximum:.2f} {best.name} at step {best.maximum_step}"
    reaches = f"reaches the floor ({floor.value:.2f})" if floor.value else "passes the role's test"
    if any(h.state for h in heads):
        return Earliest(None, f"{none} {reaches} before the last checkpoint: {highest}", "last checkpoint only")
    if floor.reached(best.maximum):
        return Earliest(None, f"{none} {reaches} and keeps half of its highest score for two checkpoints: {highest}")
    return Earliest(None, f"{none} {reaches}: {highest}")
