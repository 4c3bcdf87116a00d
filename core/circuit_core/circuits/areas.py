"""Two areas that sum a curve up, as the MIB benchmark does (METHODS c.7).

With f(k) the normalised faithfulness of the circuit of int(k E) edges, k the ten shares below, by trapezoids over k:

    CPR   area under f        how soon performance is recovered: higher is better
    CMD   area under |1 - f|  how far the circuit is from the model: lower is better, 0 ideal

The areas start at k = .001, so a circuit that is perfect at every size has CPR .999 and CMD 0.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from circuit_core.circuits.faithfulness import Point

SHARES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
SIZES_MISSING = "the curve lacks some of the ten sizes that the areas need; search `grid` evaluates them"


@dataclass(frozen=True)
class Areas:
    """Both areas, or why there are none."""

    cpr: float | None = None
    cmd: float | None = None
    reason: str | None = None


def of(points: Iterable[Point], total: int, undefined: str | None) -> Areas:
    """The areas of a curve.

    Args:
        total: edges of the model.
        undefined: why normalised faithfulness is, if it is.
    """
    if undefined:
        return Areas(reason=undefined)
    return under({p.n_requested: p.faithfulness_normalised for p in points}, total)


def under(shares: Mapping[int, float | None], total: int) -> Areas:
    """From size -> normalised faithfulness; a share of less than one edge is the empty circuit, with f = 0."""
    sizes = [int(k * total) for k in SHARES]
    values = [shares.get(n) if n else 0.0 for n in sizes]
    if any(v is None for v in values):
        return Areas(reason=SIZES_MISSING)
    f = np.array(values, dtype=float)
    return Areas(float(np.trapezoid(f, SHARES)), float(np.trapezoid(abs(1 - f), SHARES)))
