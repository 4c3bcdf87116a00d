"""Three ways to look for the smallest circuit that reaches a faithfulness (METHODS c.6), and what each promises.

`grid`   evaluates .1, .2, .5, 1, 2, 5, 10, 20, 50 and 100 % of the edges, takes the first that reaches the threshold,
         and bisects between it and the one before. Since curves are not monotone it looks below once more: at twelve
         sizes evenly spread below the one found, and bisects below the first that reaches it. So it gives a size that
         reaches the threshold while the size before does not, nor any smaller size that was evaluated; if the first
         bisection ends at 13 edges or fewer, no smaller size does at all. Other smaller ones might.
`paper`  bisects between 1 and 5 % of the edges; if those do not reach the threshold, they are the answer. It gives a
         size that reaches the threshold while the one before does not, among however many such there are.
`code`   as the paper's published code: it climbs from 25 edges in steps of 25, below 1600; above three quarters of the
         threshold the step halves. Where faithfulness falls the step is 25 again, and halves at once if it is still
         above those three quarters.
         Where the threshold is crossed it bisects within the last step, and near the threshold it looks at the five
         sizes on either side, smallest first and within that step too. It gives the smallest size that it evaluated and
         that reaches the threshold; the last step is all that it searches.

Each gives a size, the last it looked at if none reaches the threshold; the curve remembers what was evaluated. Two
sizes whose edges prune to circuits that do the same, and a circuit that does all the model does, are equal but for
rounding: a fall or a miss by less than 1e-5 is none (METHODS l.1).
"""

from collections.abc import Callable

from circuit_core.circuits import mib_areas
from circuit_core.circuits.faithfulness import Curve, reaches

GRID = mib_areas.SHARES
SMALL = 0.05
"""Share of the edges at which `paper` ends, and up to which members are kept where faithfulness rests on nothing."""
CODE_START, CODE_END, CODE_NEAR, CODE_AROUND = 25, 1600, 0.1, 5
"""Of `code`: first size and step, where it ends, how near the threshold (as a share of it) it looks around, how far."""
SIZES_BELOW = 12
"""Of `grid`: sizes below the one found."""


class Threshold:
    """A curve and the faithfulness to reach, `raw` or `normalised`, and the three searches for it."""

    def __init__(self, curve: Curve, threshold: float, on: str = "raw") -> None:
        self.curve, self.threshold, self.on, self.total = curve, threshold, on, curve.graph.n_edges

    def share(self, n: int) -> float:
        """Faithfulness; 0 for a circuit without edges."""
        (point,) = self.curve.evaluate([n])
        share = point.faithfulness if self.on == "raw" else point.faithfulness_normalised
        return share or 0.0 if point.n_edges else 0.0

    def __call__(self, n: int) -> bool:
        return reaches(self.share(n), self.threshold)

    @property
    def empty_reaches(self) -> bool:
        """Whether the empty circuit's faithfulness, that of the corrupted run, reaches it."""
        of = self.curve.on
        share = of.raw(of.corrupted) if self.on == "raw" else of.normalised(of.corrupted)
        return share is not None and reaches(share, self.threshold)

    def bisect(self, below: int, reached: int) -> int:
        """A size that reaches it, the one before not; `below` does not, `reached` does."""
        while reached - below > 1:
            middle = (below + reached) // 2
            below, reached = (below, middle) if self(middle) else (middle, reached)
        return reached

    def first(self, sizes: list[int]) -> int | None:
        """Evaluated side by side, and bisected below the first of them that reaches it; None if none does."""
        self.curve.evaluate(sizes)
        for below, n in zip([0, *sizes], sizes, strict=False):
            if self(n):
                return self.bisect(below, n)
        return None

    def grid(self) -> int:
        sizes = grid_sizes(self.total)
        found = self.first(sizes)
        if found is None:
            return sizes[-1]
        return self.first(sorted({found * i // (SIZES_BELOW + 1) for i in range(1, SIZES_BELOW + 1)} - {0})) or found

    def paper(self) -> int:
        last = max(1, int(SMALL * self.total))
        return self.bisect(0, last) if self(last) else last

    def code(self) -> int:
        last = min(CODE_END, self.total)
        size, step, before = min(CODE_START, last), CODE_START, 0.0
        while size < last and not self(size):
            share = self.share(size)
            near = reaches(share, 0.75 * self.threshold)
            if step < CODE_START and (not near or not reaches(share, before)):
                step = CODE_START
            if near:
                step = max(1, step // 2)
            before, size = share, size + step
        return last if size >= last else self._within_the_last_step(max(1, size - step), size)

    def _within_the_last_step(self, start: int, end: int) -> int:
        """The bisection of `code` within [start, end], of which the end reaches the threshold."""
        low, high, found = start, end, end
        while low <= high:
            middle = (low + high) // 2
            if self(middle):
                found, high = middle, middle - 1
            else:
                low = middle + 1
            if reaches(CODE_NEAR * self.threshold, abs(self.share(middle) - self.threshold)):
                around = range(max(start, middle - CODE_AROUND), min(found, middle + CODE_AROUND + 1))
                if (nearer := next((n for n in around if self(n)), None)) is not None:
                    found, high = nearer, nearer - 1
        return found


def grid_sizes(total: int) -> list[int]:
    return sorted({max(1, int(total * share)) for share in GRID})


SEARCHES: dict[str, Callable[[Threshold], int]] = {
    "grid": Threshold.grid,
    "paper": Threshold.paper,
    "code": Threshold.code,
}
