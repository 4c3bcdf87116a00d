"""Standard error and interval of a task's mean metric (METHODS l.5).

A task balances its prompts over strata (`PromptSet.strata`), so differences between strata are not errors of the mean:

    plain       SE^2 = s^2 / n                                        the strata are passed over
    stratified  SE^2 = sum_h n_h s_h^2 / n^2                          n_h prompts in group h, with variance s_h^2

Greater-than is stratified by YY, like the others by their kinds. Successive differences in the order of YY, which l.5
has for it, also count what differs between neighbouring years, though every draw has them all: at the last checkpoints
of the sample suite an interval by them held the mean in 98 to 100 % of the draws, one by strata in 93 to 95
(docs/tasks.md).

The interval is mean +- t SE, t being the .975 quantile of Student's distribution with the degrees of freedom of the
variance: n - 1 where there are no strata, else n minus the number of groups. No correction is made for a finite pool of
prompts.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class StandardError:
    """Of a mean over prompts."""

    value: float
    freedom: int
    """Degrees of freedom of its square."""

    @property
    def half_width(self) -> float:
        """Of the 95 % interval."""
        return t_quantile(self.freedom) * self.value


def stratified_error(values: Float[Tensor, " batch"], strata: Sequence[int]) -> StandardError | None:
    """By the number of each prompt's stratum, plainly if there are none; None for a single prompt."""
    n, x = len(values), values.double().cpu()
    if n < 2:
        return None
    parts = groups(strata or [0] * n)
    within = sum(len(rows) * x[rows].var().item() for rows in parts)
    return StandardError(math.sqrt(within) / n, n - len(parts))


def groups(strata: Sequence[int]) -> list[list[int]]:
    """Places of each stratum, strata ascending; one of a single prompt, which has no variance, joins the next.

    The last one joins the one before.
    """
    rows: dict[int, list[int]] = {stratum: [] for stratum in sorted(set(strata))}
    for place, stratum in enumerate(strata):
        rows[stratum].append(place)
    found: list[list[int]] = []
    for places in rows.values():
        if found and len(found[-1]) == 1:
            found[-1] += places
        else:
            found.append(places)
    return [*found[:-2], found[-2] + found[-1]] if len(found) > 1 and len(found[-1]) == 1 else found


def t_quantile(freedom: int, share: float = 0.95) -> float:
    """What Student's t stays below in size with this probability, by bisection of its distribution."""
    low, high = 0.0, math.pi / 2
    while (middle := (low + high) / 2) not in (low, high):
        low, high = (middle, high) if _within(middle, freedom) < share else (low, middle)
    return math.sqrt(freedom) * math.tan(low)


def _within(angle: float, freedom: int) -> float:
    """P(|t| < sqrt(freedom) tan(angle)), a finite sum (Abramowitz and Stegun 26.7.3 and 26.7.4)."""
    sine, cosine = math.sin(angle), math.cos(angle)
    if freedom == 1:
        return 2 * angle / math.pi
    term = sine * cosine if freedom % 2 else sine
    total = term
    for k in range(3 if freedom % 2 else 2, freedom - 1, 2):
        term *= cosine**2 * (k - 1) / k
        total += term
    return 2 / math.pi * (angle + total) if freedom % 2 else total
