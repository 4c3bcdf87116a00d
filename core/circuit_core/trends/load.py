"""How many heads carry a role, and how evenly (METHODS h.11).

Of the heads whose score reaches the role's floor (`floors`), with p their shares of the sum of their scores:

    load      sum of their scores
    spread    1 / sum p^2, the number of equal heads that would be as uneven (inverse Simpson index)
    evenness  -sum p ln p / ln n, 1 where all of n heads score alike (Pielou's index)

Example: scores .6, .2, .2: load 1, spread 1 / .44 = 2.27, evenness .865. A single head has spread 1 and no evenness.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from circuit_core.trends.floors import Floor


@dataclass(frozen=True)
class RoleLoad:
    """At one checkpoint."""

    heads: int
    """That reach the floor."""
    scored: int
    load: float
    spread: float | None
    """None if no head reaches the floor."""
    evenness: float | None
    """None for fewer than two heads."""


def role_load(scores: Float[np.ndarray, "*heads"], floor: Floor) -> RoleLoad:
    """NaN was not scored."""
    known = scores[~np.isnan(scores)]
    carry = known[floor.reached(known) & (known > 0)]
    total = float(carry.sum())
    if not len(carry):
        return RoleLoad(0, len(known), 0.0, None, None)
    p = carry / total
    evenness = float(-(p * np.log(p)).sum() / np.log(len(p))) if len(p) > 1 else None
    return RoleLoad(len(carry), len(known), total, float(1 / (p * p).sum()), evenness and min(1.0, evenness))
