"""Which head takes a role over from which.

One head loses the role and another, at which it emerged later than at the first, gains it at most `window` checkpoints
before or after. Only first gains and first losses count (see `emergence`). A loss may have several takers, and a gain
several givers: each pair is a row. A head cannot hand a role to itself, since it emerged there no later than it did.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from circuit_core.trends.emergence import HeadEmergence

WINDOW = 2


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


def handoffs(steps: Sequence[int], heads: Iterable[HeadEmergence], window: int = WINDOW) -> list[Handoff]:
    """All pairs of one role, by the step of the loss, then of the gain, then by head.

    Args:
        steps: all checkpoints of the run; the window counts along them.
    """
    place = {step: i for i, step in enumerate(steps)}
    gained = [(h, h.emerged_step) for h in heads if h.emerged_step is not None]
    lost = [(h, since, h.lost_step) for h, since in gained if h.lost_step is not None]
    found = [
        Handoff(a.role, a.layer, a.head, loss, b.layer, b.head, gain, window)
        for a, since, loss in lost
        for b, gain in gained
        if a.role == b.role and since < gain and abs(place[gain] - place[loss]) <= window
    ]
    return sorted(found, key=lambda h: (h.lost_step, h.gained_step, h.from_layer, h.from_head, h.to_layer, h.to_head))
