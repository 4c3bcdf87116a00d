"""Two areas that sum a curve up, as the MIB benchmark does (METHODS c.7).

With f(k) the normalised faithfulness of the circuit of int(k E) edges, k the ten shares below, by trapezoids over k:

    CPR   area under f        how soon performance is recovered: higher is better
    CMD   area under |1 - f|  how far the circuit is from the model: lower is better, 0 ideal

The areas start at k = .001, so a circuit that is perfect at every size has CPR .999 and CMD 0.
"""

from collections.abc import Mapping

import numpy as np

SHARES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


def under(shares: Mapping[int, float | None], total: int) -> tuple[float | None, float | None]:
    """(CPR, CMD) from size -> normalised faithfulness; None if a size is missing or undefined.

    Args:
        total: edges of the model. A share of less than one edge is the empty circuit, with f = 0.
    """
    wanted = [int(k * total) for k in SHARES]
    values = [shares.get(n) if n else 0.0 for n in wanted]
    if any(v is None for v in values) or all(v is None for v in shares.values()):
        return None, None
    f = np.array(values, dtype=float)
    return float(np.trapezoid(f, SHARES)), float(np.trapezoid(abs(1 - f), SHARES))
