"""Does circuit size grow with model size (METHODS h.6)?

Pearson's r, over the models of a suite, between the mean number of nodes of a task's circuits at checkpoints of step
1000 and later, and the number of parameters: as it is, its logarithm, and as published. The paper's code
(`plotting/correlation.py`) types the parameters of pythia-1.4b and pythia-2.8b tenfold, 14e9 and 28e9; its numbers
carry that. From its mean nodes (70m, 160m, 410m, 1.4b, 2.8b):

                          as published   correct   logarithm
    ioi                   .727           .789      .743
    greater_than          .902           .941      .896
    gendered_pronoun      .607           .631      .868
    subject_verb          .874           .890      .990

Five models are few: r says little below .88 (p = .05).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

FROM_STEP = 1000
"""Circuits of earlier checkpoints do not count."""
LEAST = 3
"""Models without which r is not taken."""
MISTYPED = {"pythia-1.4b": 14e9, "pythia-2.8b": 28e9}
"""Parameters as the paper's code has them, where it is wrong."""
OF_PAPER = ("pythia-70m", "pythia-160m", "pythia-410m", *MISTYPED)


@dataclass(frozen=True)
class SizeCorrelation:
    """r is None where it is undefined; `reason` says why."""

    models: int
    r: float | None = None
    r_log: float | None = None
    """With the logarithm of the number of parameters."""
    r_published: float | None = None
    """Over the paper's five models, with parameters as its code has them; None unless all five are there."""
    reason: str | None = None


def size_correlation(nodes: Mapping[str, float], params: Mapping[str, float]) -> SizeCorrelation:
    """Over the models that have both.

    Args:
        nodes: mean number of nodes of a task's circuits, by model.
        params: number of parameters, by model.
    """
    names = sorted(nodes.keys() & params.keys())
    if len(names) < LEAST:
        return SizeCorrelation(len(names), reason=f"needs {LEAST} models with circuits and known size: {len(names)}")
    x, y = [params[name] for name in names], [nodes[name] for name in names]
    r = pearson(x, y)
    if r is None:
        return SizeCorrelation(len(names), reason="all models are of one size, or their circuits are")
    published = None
    if set(OF_PAPER) <= set(names):
        published = pearson([MISTYPED.get(name, params[name]) for name in OF_PAPER], [nodes[name] for name in OF_PAPER])
    return SizeCorrelation(len(names), r, pearson(np.log(x), y), published)


def pearson(x: Iterable[float], y: Iterable[float]) -> float | None:
    """None where one of them does not vary."""
    a, b = (of - of.mean() for of in (np.fromiter(values, float) for values in (x, y)))
    lengths = float(np.linalg.norm(a)), float(np.linalg.norm(b))
    return float(np.clip((a / lengths[0]) @ (b / lengths[1]), -1, 1)) if all(lengths) else None
