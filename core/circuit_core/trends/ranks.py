"""Do two sets of scores put edges in the same order (Spearman's rank correlation)?

Pearson's r between ranks, where equal values share the mean of their ranks.

Example: (1, 2, 3) and (10, 30, 20) have ranks (1, 2, 3) and (1, 3, 2): r = .5.
"""

import numpy as np
from jaxtyping import Float

from circuit_core.trends.correlation import pearson

LEAST = 3
"""Values without which ranks are not correlated."""


def rank_correlation(a: Float[np.ndarray, " edge"], b: Float[np.ndarray, " edge"]) -> float | None:
    """None of fewer than three, or where one of them does not vary."""
    return pearson(ranks(a), ranks(b)) if len(a) >= LEAST else None


def ranks(values: Float[np.ndarray, " edge"]) -> Float[np.ndarray, " edge"]:
    """From 1; equal values share the mean of their ranks."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[inverse]
