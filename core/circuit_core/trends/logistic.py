"""Emergence as a statistic: a logistic curve over log tokens (METHODS l.14).

    y = lower + (plateau - lower) / (1 + exp(-(ln tokens - ln midpoint) / width))

by least squares over the checkpoints with tokens > 0, up to the highest value: what is lost later is no part of the
rise. Width is in units of ln tokens: from 10 to 90 % of the rise tokens grow exp(4.39 width)-fold.

For a midpoint and a width the curve is linear in the other two, so they are solved for, and the pair with the least
residual is looked for: on a grid (midpoints between the first and the last checkpoint, widths from an eighth of the
least spacing to half the whole range), then on finer ones around the best. Only rises count.

Undefined (None) below five checkpoints, where R^2 < .8, and where the plateau is below the floor.

The interval of the midpoint holds 95 % of the midpoints of 200 resamples: of prompts, where values are kept by prompt,
else of residuals in blocks of three neighbours, sqrt(n / (n - 4)) times as large, since four numbers were fitted to n
checkpoints. It is never narrower than the two checkpoints around the midpoint.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

_PARAMETERS = 4
LEAST_CHECKPOINTS = _PARAMETERS + 1
LEAST_R2 = 0.8
BLOCK, RESAMPLES, COVERED = 3, 200, 0.95
_MIDDLES, _WIDTHS = 64, 12
"""Of the first grid."""
_FINER, _ZOOMS = 9, 24
"""Midpoints, and widths, of a finer grid; how many there are, each half as wide as the one before."""


@dataclass(frozen=True)
class Logistic:
    """Values in their own unit; `midpoint` and its interval in tokens, `width` in ln tokens."""

    lower: float | None = None
    plateau: float | None = None
    midpoint: float | None = None
    midpoint_low: float | None = None
    midpoint_high: float | None = None
    width: float | None = None
    r2: float | None = None
    """Also where that is why the others are undefined."""
    reason: str | None = None


def logistic(
    tokens: Sequence[int | None],
    values: Float[np.ndarray, " step"],
    floor: float = -np.inf,
    by_prompt: Float[np.ndarray, "step prompt"] | None = None,
    seed: int = 0,
) -> Logistic:
    """The rise of a series over training; steps whose value is NaN, or whose tokens are not known, are passed over.

    Args:
        tokens: seen by each checkpoint, ascending.
        floor: what the plateau must reach.
        by_prompt: the values of which `values` are means.
    """
    seen = np.array([np.nan if n is None else n for n in tokens], float)
    at = np.flatnonzero(~np.isnan(values) & (seen > 0))
    if not len(at) and any(n is None for n in tokens):
        return Logistic(reason="the number of tokens is not known")
    at = at[: int(values[at].argmax()) + 1] if len(at) else at
    if len(at) < LEAST_CHECKPOINTS:
        return Logistic(reason=f"needs {LEAST_CHECKPOINTS} checkpoints up to the highest value: {len(at)}")
    x, y = np.log(seen[at]), values[at]
    if not np.ptp(y):
        return Logistic(reason="the value does not change")
    middle, width = _fit(x, y)
    curve = _curve(x, middle, width)
    lower, rise = _line(curve, y)
    residual = y - (lower + rise * curve)
    r2 = float(1 - (residual @ residual) / ((y - y.mean()) @ (y - y.mean())))
    plateau = lower + rise
    if r2 < LEAST_R2:
        return Logistic(r2=r2, reason=f"no logistic curve fits: R^2 {r2:.2f} is below {LEAST_R2:g}")
    if plateau < floor:
        return Logistic(r2=r2, reason=f"the plateau {plateau:.3g} is below the floor ({floor:.3g})")
    after = min(max(1, int(np.searchsorted(x, middle))), len(x) - 1)
    low, high = np.exp(_ends(x, y, residual, None if by_prompt is None else by_prompt[at], seed))
    around = seen[at[after - 1]], seen[at[after]]
    return Logistic(
        *(lower, plateau, float(np.exp(middle)), float(min(low, around[0])), float(max(high, around[1]))),
        *(width, r2),
    )


def _fit(x: Float[np.ndarray, " step"], y: Float[np.ndarray, " step"]) -> tuple[float, float]:
    """Midpoint and width of the best rise."""
    least, most = _widths(x)
    reach, factor = np.ptp(x) / (_MIDDLES - 1), (most / least) ** (1 / (_WIDTHS - 1))
    grid = _Grid.of(x, np.linspace(x[0], x[-1], _MIDDLES), np.geomspace(least, most, _WIDTHS))
    for zoom in range(_ZOOMS):
        middle, width = grid.best(y[:, None])[0]
        ends = np.linspace(-1, 1, _FINER) * 0.5**zoom
        grid = _Grid.of(x, np.clip(middle + reach * ends, x[0], x[-1]), np.clip(width * factor**ends, least, most))
    middle, width = grid.best(y[:, None])[0].tolist()
    return middle, width


def _ends(
    x: Float[np.ndarray, " step"],
    y: Float[np.ndarray, " step"],
    residual: Float[np.ndarray, " step"],
    by_prompt: Float[np.ndarray, "step prompt"] | None,
    seed: int,
) -> Float[np.ndarray, " two"]:
    """Of the interval of the midpoint, by resampling."""
    random = np.random.default_rng(seed)
    if by_prompt is not None:
        # Means over prompts drawn with replacement, the same at every checkpoint.
        n = by_prompt.shape[1]
        counts = random.multinomial(n, np.full(n, 1 / n), RESAMPLES)
        draws = by_prompt @ (counts.T / n)
    else:
        # Residuals in blocks of neighbours, each block from anywhere.
        n = len(residual)
        starts = random.integers(0, max(1, n - BLOCK + 1), (-(-n // BLOCK), RESAMPLES))
        places = (starts[:, None] + np.arange(BLOCK)[None, :, None]).reshape(-1, RESAMPLES)[:n]
        wider = residual * np.sqrt(n / (n - _PARAMETERS))
        draws = (y - residual)[:, None] + wider[np.minimum(places, n - 1)]
    # The midpoint of each draw, on a second grid where the first one finds them.
    widths, step = np.geomspace(*_widths(x), _WIDTHS), np.ptp(x) / (_MIDDLES - 1)
    first = _Grid.of(x, np.linspace(x[0], x[-1], _MIDDLES), widths).best(draws)[:, 0]
    low, high = max(x[0], first.min() - step), min(x[-1], first.max() + step)
    midpoints = _Grid.of(x, np.linspace(low, high, _MIDDLES), widths).best(draws)[:, 0]
    return np.quantile(midpoints, [(1 - COVERED) / 2, (1 + COVERED) / 2])


@dataclass(frozen=True, eq=False)
class _Grid:
    """Curves to choose among, each by its midpoint and width."""

    pairs: Float[np.ndarray, "pair 2"]
    basis: Float[np.ndarray, "pair step"]
    """Each curve, centred and of length 1, so that its product with a series is the length that it explains."""

    @staticmethod
    def of(x: Float[np.ndarray, " step"], middles: np.ndarray, widths: np.ndarray) -> "_Grid":
        pairs = np.array(np.meshgrid(middles, widths)).reshape(2, -1).T
        curves = _curve(x, pairs[:, :1], pairs[:, 1:])
        curves -= curves.mean(1, keepdims=True)
        length = np.sqrt((curves * curves).sum(1, keepdims=True))
        return _Grid(pairs, np.divide(curves, length, out=np.zeros_like(curves), where=length > 0))

    def best(self, series: Float[np.ndarray, "step draw"]) -> Float[np.ndarray, "draw 2"]:
        """Midpoint and width of the rise that leaves the least residual, of each series."""
        return self.pairs[(self.basis @ series).argmax(0)]


def _widths(x: Float[np.ndarray, " step"]) -> tuple[float, float]:
    return float(np.diff(x).min()) / 8, float(x[-1] - x[0]) / 2


def _curve(x: Float[np.ndarray, " step"], middle: np.ndarray | float, width: np.ndarray | float) -> np.ndarray:
    """From 0 to 1."""
    return 0.5 + 0.5 * np.tanh((x - middle) / (2 * width))


def _line(curve: Float[np.ndarray, " step"], y: Float[np.ndarray, " step"]) -> tuple[float, float]:
    """Start and rise of the curve that fits best."""
    of = curve - curve.mean()
    rise = float(of @ y / (of @ of)) if of.any() else 0.0
    return float(y.mean() - rise * curve.mean()), rise
