"""Which head takes a role over from which (METHODS l.4).

A loss by A is handed to at most one head: of the other heads at which the role emerges within three checkpoints of it,
before or after, and whose rise is at least half of A's fall, the one that rises most. Losses are served by falling
fall, and a gain serves once. Only first gains and first losses count (see `emergence`, also for rise and fall); ties go
to the earlier loss, the nearer gain, then to the lower layer and head.

Many heads gain and lose at about the same time, so some pairs come by chance. How many is said beside them: the mean
number of hand-offs when the times of all losses of the role are shifted together, round the run, by a random number of
checkpoints.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from circuit_core.trends.emergence import HeadEmergence
from circuit_core.trends.floors import SCORE_ROUNDING

HANDOFF_WINDOW = 3
SHARE = 0.5
"""Of the fall that a taker's rise is at least."""
SHIFTS = 200


@dataclass(frozen=True)
class Handoff:
    role: str
    from_layer: int
    from_head: int
    lost_step: int
    to_layer: int
    to_head: int
    gained_step: int
    window: int
    """Checkpoints between loss and gain, at most, either way."""
    fall: float
    rise: float
    expected_by_chance: float
    """Hand-offs of this role, with its losses shifted at random."""


def handoffs(
    steps: Sequence[int], heads: Iterable[HeadEmergence], window: int = HANDOFF_WINDOW, seed: int = 0
) -> list[Handoff]:
    """All pairs of one role, by the step of the loss, then of the gain, then by head.

    Args:
        steps: all checkpoints of the run; the window counts along them.
        heads: of one role.
    """
    place = {step: i for i, step in enumerate(steps)}
    gains = [(h, place[h.emerged_step]) for h in heads if h.emerged_step is not None]
    lost = [(h, place[h.lost_step]) for h, _ in gains if h.lost_step is not None]
    pairs = _pairs(lost, gains, window)
    if not pairs:
        return []
    # By chance: the mean number of pairs over random circular shifts, none of them by a whole turn.
    n, shifts = len(steps), np.random.default_rng(seed).integers(1, len(steps), SHIFTS).tolist()
    found = {by: len(_pairs([(h, (at + by) % n) for h, at in lost], gains, window)) for by in set(shifts)}
    expected = sum(found[by] for by in shifts) / SHIFTS
    rows = [
        Handoff(
            *(giver.role, giver.layer, giver.head, steps[at], taker.layer, taker.head, steps[gained], window),
            fall=giver.fall or 0.0,
            rise=taker.rise or 0.0,
            expected_by_chance=expected,
        )
        for (giver, at), (taker, gained) in pairs
    ]
    return sorted(rows, key=lambda h: (h.lost_step, h.gained_step, h.from_layer, h.from_head))


Placed = tuple[HeadEmergence, int]
"""A head, and the checkpoint at which it gains or loses the role, counted from 0."""


def _pairs(lost: list[Placed], gains: list[Placed], window: int) -> list[tuple[Placed, Placed]]:
    """Each loss with the gain that it is handed to, if there is one."""
    free, found = list(gains), []
    for giver, at in sorted(lost, key=lambda of: (-(of[0].fall or 0.0), of[1], of[0].layer, of[0].head)):
        least = SHARE * (giver.fall or 0.0)
        near = [gain for gain in free if gain[0] is not giver and abs(gain[1] - at) <= window and least > 0]
        takers = [gain for gain in near if gain[0].rise is not None and gain[0].rise >= least - SCORE_ROUNDING]
        if takers:
            taker = min(takers, key=lambda of: (-(of[0].rise or 0), abs(of[1] - at), of[0].layer, of[0].head))
            free.remove(taker)
            found.append(((giver, at), taker))
    return found
