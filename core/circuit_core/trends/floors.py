"""What counts as chance: the untrained checkpoint, and the floor that a role's scores must reach (METHODS l.4).

Untrained is the checkpoint of the smallest step <= 2 that is not known to be bad and does not hold the weights of a
step > 4. Chance is the role's largest value over its heads there, and

    floor = max(the role's own, min(1.5 chance, (1 + chance) / 2))

The role's own is METHODS g.6's. It stands alone without an untrained checkpoint, and for copy suppression, which at
initialisation is a ratio of tiny divergences.

Of checkpoints with equal weights one is kept: the first of steps 0 to 2, else the last, since an early step that serves
later weights is a fault of the publication (pythia-2.8b's step 0 holds the final ones).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ROLE_FLOORS = {
    "induction": 0.3,
    "duplicate_token": 0.3,
    "previous_token": 0.3,
    "successor": 0.3,
    "name_mover": 0.1,
    "negative_name_mover": 0.1,
    "copy_suppression": 0.1,
    "s_inhibition": 0.0,
}
"""What a role's scores must reach (METHODS g.6). S-inhibition has a test instead: its score is above zero where it
passes."""
WITHOUT_CHANCE = ("copy_suppression",)
UNTRAINED, TRAINED = 2, 4
"""The last step that may count as untrained, and the last whose weights such a one may share."""
SCORE_ROUNDING = 1e-6
"""Scores are float32."""


@dataclass(frozen=True)
class Floor:
    """What a score must reach to count as a role."""

    value: float
    chance: float = 0.0
    """The role's largest score at the untrained checkpoint; 0 if there is none, or it is not above zero."""
    step: int | None = None
    """The untrained checkpoint, if its chance raises the floor above the role's own."""

    def reached(self, score: Any) -> Any:
        """Whether a score, or each of an array, is at the floor, and above chance (so above zero)."""
        return (score >= self.value - SCORE_ROUNDING) & (score > self.chance)


def floor_of(role: str, chance: float | None = None, step: int | None = None) -> Floor:
    """The floor of a role.

    Args:
        chance: the role's largest score over its heads at the untrained checkpoint; None if it has none.
        step: the untrained checkpoint.

    Raises:
        KeyError: no such role.
    """
    own = ROLE_FLOORS[role]
    if chance is None or chance <= 0 or role in WITHOUT_CHANCE:
        return Floor(own)
    raised = min(1.5 * chance, (1 + chance) / 2)
    return Floor(raised, chance, step) if raised > own else Floor(own, chance)


def untrained(fingerprints: Mapping[int, str | None]) -> list[int]:
    """Steps that count as untrained, ascending; the first with a score says what chance is.

    Args:
        fingerprints: of each step that is not known to be bad, a hash of its weights; None: not known.
    """
    trained = {print_ for step, print_ in fingerprints.items() if print_ is not None and step > TRAINED}
    return sorted(step for step, print_ in fingerprints.items() if step <= UNTRAINED and print_ not in trained)


def distinct(fingerprints: Mapping[int, str | None]) -> list[int]:
    """Steps, ascending, without those that repeat another's weights."""
    equal: dict[str | int, list[int]] = {}
    for step in sorted(fingerprints):
        equal.setdefault(fingerprints[step] or step, []).append(step)
    return sorted(steps[0] if steps[-1] <= UNTRAINED else steps[-1] for steps in equal.values())
