"""Intervals over prompts: of a task's mean metric by its standard error, of any other figure by bootstrap.

Standard error of a mean (METHODS l.5): a task balances its prompts over strata (`PromptSet.strata`), so what differs
between strata is no error of the mean.

    plain       SE^2 = s^2 / n                                        the strata are passed over
    stratified  SE^2 = sum_h n_h s_h^2 / n^2                          n_h prompts in group h, with variance s_h^2

Greater-than is stratified by YY, like the others by their kinds. Successive differences in the order of YY, which l.5
has for it, also count what differs between neighbouring years, though every draw has them all: at the last checkpoints
of the sample suite an interval by them held the mean in 98 to 100 % of the draws, one by strata in 93 to 95
(docs/tasks.md).

The interval is mean +- t SE, t being the .975 quantile of Student's distribution with the degrees of freedom of the
variance: n - 1 where there are no strata, else n minus the number of groups. No correction is made for a finite pool of
prompts.

Bootstrap, bias-corrected and accelerated, BCa (Efron 1987; METHODS l.6): prompts are drawn with replacement, each
stratum as often as it has prompts. The figure is computed for every draw, and with each prompt left out. With t the
figure of the prompts themselves, Phi the normal distribution function and z its quantile at 2.5 or 97.5 %, the ends of
the interval are the quantiles of the drawn figures at

    Phi(z0 + (z0 + z) / (1 - a (z0 + z)))

    z0 = Phi^-1(share of drawn figures below t, those equal to it by half)      bias
    a  = sum d^3 / (6 (sum d^2)^(3/2))                                         skewness
    d  = (1 - 1/m) (mean figure with one prompt of the stratum left out - figure with this prompt left out)

m is the number of prompts of the prompt's stratum. A prompt that is alone in its stratum joins a neighbouring one.
Where all drawn figures are equal so are both ends. Draws are the same for the same number of prompts and the same
strata.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

RESAMPLES = 1000
RESAMPLED = slice(1, 1 + RESAMPLES)
"""The rows of a `Resampling` that are draws with replacement."""
COVERED = 0.95
"""Part of the distribution between the ends."""
FIGURE_ROUNDING = 1e-6
"""Figures that differ by no more than this share of their size are equal: float32 sums in another order."""


@dataclass(frozen=True)
class StandardError:
    """Of a mean over prompts."""

    value: float
    freedom: int
    """Degrees of freedom of its square."""

    @staticmethod
    def of(values: Float[Tensor, " batch"], strata: Sequence[int]) -> "StandardError | None":
        """By the number of each prompt's stratum, plainly if there are none; None for a single prompt."""
        if len(values) < 2:
            return None
        error, freedom = standard_errors(values, strata)
        return StandardError(error.item(), freedom)

    @property
    def half_width(self) -> float:
        """Of the 95 % interval."""
        return t_quantile(self.freedom) * self.value


def standard_errors(
    values: Float[Tensor, "*figures batch"], strata: Sequence[int]
) -> tuple[Float[Tensor, "*figures"], int]:
    """Of many means over the same prompts, at least two of them, and the degrees of freedom that all share."""
    n, x = values.shape[-1], values.double().cpu()
    parts = groups(strata or [0] * n)
    within = torch.stack([len(rows) * x[..., rows].var(-1) for rows in parts]).sum(0)
    return within.sqrt() / n, n - len(parts)


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


def _places(n: int, strata: Sequence[int]) -> list[Int[Tensor, " _"]]:
    """The prompts of each stratum (see `groups`); without strata all are of one."""
    return [torch.tensor(prompts) for prompts in groups(strata or [0] * n)]


def resamples(n: int, strata: Sequence[int], times: int, seed: int) -> Float[Tensor, "draw batch"]:
    """How often each of `n` prompts is drawn, with replacement, each stratum as often as it has prompts."""
    generator, drawn = torch.Generator().manual_seed(seed), torch.zeros(times, n)
    for of in _places(n, strata):
        draws = of[torch.randint(len(of), (times, len(of)), generator=generator)]
        drawn.scatter_add_(1, draws, torch.ones(draws.shape))
    return drawn


def halves(n: int, strata: Sequence[int], times: int, seed: int) -> Bool[Tensor, "split batch"]:
    """Which of `n` prompts are in the first of two halves, drawn without replacement; no stratum's parts, nor the
    halves themselves, differ by more than one prompt."""
    generator, place = torch.Generator().manual_seed(seed), torch.empty(n)
    for number, of in enumerate(_places(n, strata)):
        place[of] = float(number)
    order = (place + torch.rand(times, n, generator=generator)).argsort(1)
    return torch.zeros(times, n, dtype=torch.bool).scatter_(1, order, torch.arange(n).expand(times, n) % 2 == 0)


@dataclass(frozen=True, eq=False)
class Resampling:
    """How prompts count: each once, then in `RESAMPLES` draws with replacement, then with each left out in turn."""

    weights: Float[Tensor, "draw batch"]
    """Each stratum's add up to its number of prompts."""
    strata: list[Int[Tensor, " _"]]
    """The prompts of each stratum."""

    @staticmethod
    def of(n: int, strata: Sequence[int] = (), seed: int = 0) -> "Resampling":
        """For `n` prompts; `strata` has a number for each, or none if all are of one stratum."""
        each, left_out = _places(n, strata), torch.ones(n, n)
        for of in each:
            others = len(of) / max(1, len(of) - 1)
            left_out[of[:, None], of] = others * (1 - torch.eye(len(of)))
        return Resampling(torch.cat([torch.ones(1, n), resamples(n, strata, RESAMPLES, seed), left_out]), each)

    def interval(self, figures: Float[Tensor, " draw"]) -> tuple[float, float] | None:
        """The ends of the interval from the figure of each row of weights; draws with NaN are left out.

        None for one prompt, and where the figure itself or all draws are NaN.
        """
        figures = figures.double().cpu()
        value, drawn, left_out = figures[0], figures[RESAMPLED], figures[1 + RESAMPLES :]
        drawn = drawn[~drawn.isnan()]
        if len(left_out) < 2 or value.isnan() or not len(drawn):
            return None
        above, margin = drawn - value, FIGURE_ROUNDING * value.abs()
        below = ((above < -margin).double() + (above.abs() <= margin).double() / 2).mean()
        bias = torch.special.ndtri(below.clamp(0.5 / len(drawn), 1 - 0.5 / len(drawn)))
        shifted = bias + torch.special.ndtri(torch.tensor([1 - COVERED, 1 + COVERED]).double() / 2)
        at = torch.special.ndtr(bias + shifted / (1 - self._acceleration(left_out) * shifted))
        low, high = drawn.quantile(at).tolist()
        return low, high

    def _acceleration(self, left_out: Float[Tensor, " batch"]) -> Float[Tensor, ""]:
        each = [left_out[of] for of in self.strata]
        influence = torch.cat([(1 - 1 / len(of)) * (of.nanmean() - of) for of in each])
        size = influence.square().nansum() ** 1.5
        return influence.pow(3).nansum() / (6 * size) if size > 0 else torch.zeros_like(size)
