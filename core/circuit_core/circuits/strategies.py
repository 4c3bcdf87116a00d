"""Three ways to look for the smallest circuit that reaches a faithfulness (METHODS c.6).

`grid`   evaluates .1, .2, .5, 1, 2, 5, 10, 20, 50 and 100 % of the edges, takes the first that reaches the threshold,
         and bisects between it and the one before.
`paper`  bisects between 1 and 5 % of the edges; if those do not reach the threshold, they are the answer.
`code`   climbs from 25 edges in steps of 25, at most to 1600; above three quarters of the threshold the step halves,
         and it starts anew when faithfulness falls. Where the threshold is crossed it bisects within the last step, and
         near it looks at the five sizes on either side, smallest first.

Each gives a size, the last it looked at if none reaches the threshold; the curve remembers what was evaluated. Two
sizes whose edges prune to circuits that do the same, and a circuit that does all the model does, are equal but for
rounding: a fall or a miss by less than 1e-5 is none (METHODS l.1).
"""

from collections.abc import Callable

from circuit_core.circuits import areas
from circuit_core.circuits.faithfulness import Curve
from circuit_core.margins import ROUNDING

GRID = areas.SHARES
SMALL = 0.05
"""Share of the edges at which `paper` ends, and up to which members are kept where faithfulness rests on nothing."""
START, END, NEAR = 25, 1600, 0.1
"""Of `code`: first size and step, last size, and how near the threshold it looks around (as a share of it)."""


class Reach:
    """A curve and the faithfulness to reach."""

    def __init__(self, curve: Curve, threshold: float) -> None:
        self.curve, self.threshold, self.total = curve, threshold, curve.graph.n_edges

    def share(self, n: int) -> float:
        """Faithfulness; 0 for a circuit without edges."""
        (point,) = self.curve.evaluate([n])
        return point.faithfulness or 0.0 if point.n_edges else 0.0

    def __call__(self, n: int) -> bool:
        return self.share(n) >= self.threshold - ROUNDING

    def bisect(self, below: int, reached: int) -> int:
        """A size that reaches it, the one before not; `below` does not, `reached` does."""
        while reached - below > 1:
            middle = (below + reached) // 2
            below, reached = (below, middle) if self(middle) else (middle, reached)
        return reached


def _grid(reach: Reach) -> int:
    sizes = grid_sizes(reach.total)
    reach.curve.evaluate(sizes)
    passing = next((i for i, n in enumerate(sizes) if reach(n)), None)
    if passing is None:
        return sizes[-1]
    return reach.bisect(sizes[passing - 1] if passing else 0, sizes[passing])


def grid_sizes(total: int) -> list[int]:
    return sorted({max(1, int(total * share)) for share in GRID})


def _paper(reach: Reach) -> int:
    last = max(1, int(SMALL * reach.total))
    return reach.bisect(0, last) if reach(last) else last


def _code(reach: Reach) -> int:
    last = min(END, reach.total)
    size, step, before = min(START, last), START, 0.0
    while size <= last and (share := reach.share(size)) < reach.threshold - ROUNDING:
        if share < before - ROUNDING:
            step = START
        elif share > 0.75 * reach.threshold:
            step = max(1, step // 2)
        before, size = share, size + step
    if size > last:
        return next((n for n in (last,) if reach(n)), last)
    return _code_bisect(reach, max(0, size - step), size)


def _code_bisect(reach: Reach, below: int, reached: int) -> int:
    while reached - below > 1:
        middle = (below + reached) // 2
        around = range(middle, middle + 1)
        if abs(reach.share(middle) - reach.threshold) <= NEAR * reach.threshold:
            around = range(max(1, middle - 5), min(middle + 5, reached - 1) + 1)
        passing = next((n for n in around if reach(n)), None)
        below, reached = (middle, reached) if passing is None else (min(below, passing - 1), passing)
    return reached


def given(reach: Reach, sizes: list[int]) -> int:
    reach.curve.evaluate(sizes)
    return sizes[-1]


SEARCHES: dict[str, Callable[[Reach], int]] = {"grid": _grid, "paper": _paper, "code": _code}
