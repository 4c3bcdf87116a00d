"""Standard error and interval of a task's mean metric (METHODS l.5).

A task balances its prompts over strata (`PromptSet.strata`), so what differs between strata is no error of the mean:

    plain       SE^2 = s^2 / n                                        the strata are passed over
    stratified  SE^2 = sum_h n_h s_h^2 / n^2                          n_h prompts in group h, with variance s_h^2
    ordered     SE^2 = sum_i (x_i - x_(i+1))^2 / (2 n (n - 1))        in the order of the strata, where they are a scale

The interval is mean +- t SE, t being the .975 quantile of Student's distribution with the degrees of freedom of the
variance: n - 1 where there are no strata, n minus the number of groups, and 2 (n - 1)^2 / (3 n - 4) for successive
differences of independent normal values (von Neumann 1941). No correction is made for a finite pool of prompts.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
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


def stratified_error(
    values: Float[Tensor, " batch"], strata: Sequence[int], ordered: bool = False
) -> StandardError | None:
    """By the number of each prompt's stratum, plainly if there are none; None for a single prompt."""
    n, x = len(values), values.double().cpu()
    if n < 2:
        return None
    if ordered:
        steps = x[torch.tensor(sorted(range(n), key=strata.__getitem__))].diff()
        return StandardError(
            math.sqrt(steps.square().sum().item() / (2 * n * (n - 1))), 2 * (n - 1) ** 2 // (3 * n - 4)
        )
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
