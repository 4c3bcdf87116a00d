"""The smallest circuit that does enough of the task, by one of three searches (METHODS c.6), or at given sizes.

`grid`   evaluates .1, .2, .5, 1, 2, 5, 10, 20, 50 and 100 % of the edges, takes the first that reaches the threshold,
         and bisects between it and the one before.
`paper`  bisects between 1 and 5 % of the edges; if those do not reach the threshold, they are the answer.
`code`   climbs from 25 edges in steps of 25, at most to 1600; above three quarters of the threshold the step halves,
         and it starts anew when faithfulness falls. Where the threshold is crossed it bisects within the last step, and
         near it looks at the five sizes on either side, smallest first.

Curves are not monotone, so the result means: it reaches the threshold, and no smaller size that was evaluated does.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from circuit_core.circuits import areas, selection
from circuit_core.circuits.faithfulness import NOT_FINITE, Curve, Point, Runs

GRID = areas.SHARES
SMALL = 0.05
"""Share of the edges at which `paper` ends, and up to which members are kept where faithfulness is undefined."""
START, END, NEAR = 25, 1600, 0.1
"""Of `code`: first size and step, last size, and how near the threshold it looks around (as a share of it)."""


@dataclass(frozen=True)
class MinimalCircuit:
    """The circuit that a search chose, and all that it saw."""

    mask: Bool[np.ndarray, "src port"]
    chosen: Point | None
    curve: list[Point]
    metric_clean: float
    metric_corrupted: float
    threshold_reached: bool | None
    cpr: float | None
    cmd: float | None
    """Areas under the curve, where it holds the sizes that they need; see `areas`."""
    reason: str | None
    """Why faithfulness is undefined, or None."""


class _Reach:
    """A curve and the faithfulness to reach."""

    def __init__(self, curve: Curve, threshold: float) -> None:
        self.curve, self.threshold, self.total = curve, threshold, curve.graph.n_edges

    def share(self, n: int) -> float:
        return self.curve.evaluate([n])[0].faithfulness or 0.0

    def __call__(self, n: int) -> bool:
        return self.share(n) >= self.threshold

    def bisect(self, below: int, reached: int) -> int:
        """A size that reaches it, the one before not; `below` does not, `reached` does."""
        while reached - below > 1:
            middle = (below + reached) // 2
            below, reached = (below, middle) if self(middle) else (middle, reached)
        return reached


def _grid(reach: _Reach) -> int:
    sizes = _grid_sizes(reach.total)
    reach.curve.evaluate(sizes)
    passing = next((i for i, n in enumerate(sizes) if reach(n)), None)
    if passing is None:
        return sizes[-1]
    return reach.bisect(sizes[passing - 1] if passing else 0, sizes[passing])


def _grid_sizes(total: int) -> list[int]:
    return sorted({max(1, int(total * share)) for share in GRID})


def _paper(reach: _Reach) -> int:
    last = max(1, int(SMALL * reach.total))
    return reach.bisect(0, last) if reach(last) else last


def _code(reach: _Reach) -> int:
    last = min(END, reach.total)
    size, step, before = min(START, last), START, 0.0
    while size <= last and (share := reach.share(size)) < reach.threshold:
        if share < before:
            step = START
        elif share > 0.75 * reach.threshold:
            step = max(1, step // 2)
        before, size = share, size + step
    if size > last:
        return next((n for n in (last,) if reach(n)), last)
    return _code_bisect(reach, max(0, size - step), size)


def _code_bisect(reach: _Reach, below: int, reached: int) -> int:
    while reached - below > 1:
        middle = (below + reached) // 2
        around = range(middle, middle + 1)
        if abs(reach.share(middle) - reach.threshold) <= NEAR * reach.threshold:
            around = range(max(1, middle - 5), min(middle + 5, reached - 1) + 1)
        passing = next((n for n in around if reach(n)), None)
        below, reached = (middle, reached) if passing is None else (min(below, passing - 1), passing)
    return reached


SEARCHES: dict[str, Callable[[_Reach], int]] = {"grid": _grid, "paper": _paper, "code": _code}


def minimal_circuit(
    run: Runs,
    scores: Float[np.ndarray, "src port"],
    selector: str = "greedy",
    threshold: float = 0.8,
    search: str = "grid",
    sizes: tuple[int, ...] = (),
    held_out: Runs | None = None,
    draws: int = 0,
) -> MinimalCircuit:
    """Search the smallest circuit whose faithfulness reaches `threshold`.

    Args:
        sizes: evaluate these instead of searching; the first that reaches the threshold is chosen, else the last.
        held_out: other prompts, on which the curve is measured too.
        draws: random circuits a size, for the baseline at the given (or the grid's) sizes and the chosen one.

    Raises:
        ValueError: a size is more than the model has edges.
    """
    curve = Curve(run, selection.order(scores, run.graph, selector), held_out)
    total = run.graph.n_edges
    if curve.reason:
        given = sorted(sizes) or _grid_sizes(total)
        curve.evaluate(given)
        n = [n for n in given if n <= SMALL * total][-1:] or given[:1]
        return _result(curve, n[0], None)
    reach = _Reach(curve, threshold)
    chosen = _given(reach, sorted(sizes)) if sizes else SEARCHES[search](reach)
    chosen = next((p.n_requested for p in curve.points if reach(p.n_requested)), chosen)
    return _result(curve, chosen, reach(chosen), draws, sizes)


def _given(reach: _Reach, sizes: list[int]) -> int:
    reach.curve.evaluate(sizes)
    return sizes[-1]


def _result(curve: Curve, n: int, reached: bool | None, draws: int = 0, sizes: tuple[int, ...] = ()) -> MinimalCircuit:
    finite = curve.reason != NOT_FINITE
    mask = curve.mask(n) if finite else np.zeros_like(curve.graph.real)
    points = curve.with_baseline({n, *(sizes or _grid_sizes(curve.graph.n_edges))}, draws)
    shares = {p.n_requested: p.faithfulness_normalised for p in points}
    cpr, cmd = areas.under(shares, curve.graph.n_edges)
    chosen = next(p for p in points if p.n_requested == n) if finite else None
    return MinimalCircuit(mask, chosen, points, curve.on.clean, curve.on.corrupted, reached, cpr, cmd, curve.reason)
