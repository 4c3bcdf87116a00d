"""Intervals of a figure over prompts: bias-corrected and accelerated bootstrap, BCa (Efron 1987; METHODS l.6).

Prompts are drawn with replacement, each stratum as often as it has prompts. The figure is computed for every draw, and
with each prompt left out. With t the figure of the prompts themselves, Phi the normal distribution function and z its
quantile at 2.5 or 97.5 %, the ends of the interval are the quantiles of the drawn figures at

    Phi(z0 + (z0 + z) / (1 - a (z0 + z)))

    z0 = Phi^-1(share of drawn figures below t, those equal to it by half)      bias
    a  = sum d^3 / (6 (sum d^2)^(3/2))                                         skewness
    d  = (1 - 1/m) (mean figure with one prompt of the stratum left out - figure with this prompt left out)

m is the number of prompts of the prompt's stratum. A prompt that is alone in its stratum joins a neighbouring one.
Where all drawn figures are equal so are both ends. Draws are the same for the same number of prompts and the same
strata.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from circuit_core.standard_errors import groups

RESAMPLES = 1000
RESAMPLED = slice(1, 1 + RESAMPLES)
"""The rows of a `Resampling` that are draws with replacement."""
COVERED = 0.95
"""Part of the distribution between the ends."""
FIGURE_ROUNDING = 1e-6
"""Figures that differ by no more than this share of their size are equal: float32 sums in another order."""


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
        each = [torch.tensor(prompts) for prompts in groups(strata or [0] * n)]
        generator, drawn, left_out = torch.Generator().manual_seed(seed), torch.zeros(RESAMPLES, n), torch.ones(n, n)
        for of in each:
            draws = of[torch.randint(len(of), (RESAMPLES, len(of)), generator=generator)]
            drawn.scatter_add_(1, draws, torch.ones(draws.shape))
            others = len(of) / max(1, len(of) - 1)
            left_out[of[:, None], of] = others * (1 - torch.eye(len(of)))
        return Resampling(torch.cat([torch.ones(1, n), drawn, left_out]), each)

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
