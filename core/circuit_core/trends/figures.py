"""Which heads a figure of a role over training shows (METHODS g.4, g.5), as arXiv 2407.10827 draws them.

Figure 2, one head: with t = .33 of the highest score of all heads and checkpoints, a head qualifies where its highest
score is at least t, and comes first with the earliest checkpoint at which it reaches t; ties go to the higher maximum.
Figure 3, at most five: heads whose highest score is at least .25 of the highest of all (.4 for successor heads), ranked
by the number of checkpoints at which they are in the circuit. Thresholds are taken from all heads, before a restriction
to the heads of the circuit of the role's task. Copy-suppression scores outside 0 to 1 count as 0.

These rules serve to draw the published figures. They ask neither for a floor nor that a score lasts; `emergence` does.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

EARLY = 0.33
STRONG, STRONG_SUCCESSOR = 0.25, 0.4


@dataclass(frozen=True)
class FigureHead:
    layer: int
    head: int
    step: int
    """The first at which its score reaches the threshold."""
    maximum: float


@dataclass(frozen=True)
class FigureHeads:
    """The heads to show, first to last; none if no allowed head reaches the threshold, or no score is above zero."""

    heads: list[FigureHead]
    threshold: float


def figure_2_head(
    steps: Sequence[int],
    scores: Float[np.ndarray, "step layer head"],
    role: str,
    allowed: Bool[np.ndarray, "layer head"] | None = None,
) -> FigureHeads:
    """The earliest head, alone.

    Args:
        allowed: heads that occur, at any checkpoint, as source and as destination in the role's circuit (`emergence`).
    """
    found = _reaching(steps, scores, role, EARLY, allowed)
    return FigureHeads(sorted(found.heads, key=lambda h: (h.step, -h.maximum))[:1], found.threshold)


def top_heads(
    steps: Sequence[int],
    scores: Float[np.ndarray, "step layer head"],
    role: str,
    in_circuit: Int[np.ndarray, "layer head"] | None = None,
    allowed: Bool[np.ndarray, "layer head"] | None = None,
    n: int = 5,
) -> FigureHeads:
    """The n heads that are in the circuit at most checkpoints, or fewer; ties go to the higher maximum.

    Args:
        in_circuit: at how many checkpoints each head is in the circuit; without it the maximum alone ranks.
        allowed: see `figure_2_head`.
    """
    found = _reaching(steps, scores, role, STRONG_SUCCESSOR if role == "successor" else STRONG, allowed)
    counts = np.zeros(scores.shape[1:], int) if in_circuit is None else in_circuit
    return FigureHeads(sorted(found.heads, key=lambda h: (-counts[h.layer, h.head], -h.maximum))[:n], found.threshold)


def _reaching(
    steps: Sequence[int],
    scores: Float[np.ndarray, "step layer head"],
    role: str,
    share: float,
    allowed: Bool[np.ndarray, "layer head"] | None,
) -> FigureHeads:
    """Heads, by layer and head, whose highest score is at least that share of the highest of all."""
    x = np.nan_to_num(scores)
    if role == "copy_suppression":
        x = np.where((x < 0) | (x > 1), 0, x)
    highest = x.max(0, initial=0)
    threshold = share * float(highest.max(initial=0))
    keep = (highest >= threshold) & (highest > 0) & (True if allowed is None else allowed)
    heads = [
        FigureHead(i, j, steps[int((x[:, i, j] >= threshold).argmax())], float(highest[i, j]))
        for i, j in np.argwhere(keep).tolist()
    ]
    return FigureHeads(heads, threshold)
