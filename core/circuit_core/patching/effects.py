"""What path patching finds: the metric per sender and prompt, and how far it moved (METHODS f.2).

Where nothing moves, a patched run still differs from the clean one by rounding. So an effect counts, as help or as
hindrance, if the metric moved by more than rounding can: 1e-5 of its largest size (half precision: the rounding of one
number), see METHODS l.1. Effects themselves are given as they are.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from circuit_core.circuits.faithfulness import NOT_FINITE, unchanged, undefined
from circuit_core.margins import ROUNDING


@dataclass(frozen=True, eq=False)
class Weighted:
    """Effects with prompts weighted, one row of weights a draw."""

    effect: Float[Tensor, "draw layer head"]
    margin: Float[Tensor, "draw 1 1"]
    """The size up to which an effect may be rounding."""

    @property
    def helps(self) -> Bool[Tensor, "draw layer head"]:
        """Heads without which the metric falls."""
        return self.effect < -self.margin

    @property
    def hurts(self) -> Bool[Tensor, "draw layer head"]:
        return self.effect > self.margin


@dataclass(frozen=True)
class Effects:
    """What each sender does; NaN for heads that were no senders."""

    patched: Float[Tensor, "layer head batch"]
    """The metric after patching; the clean one where there is no path."""
    metric_clean: Float[Tensor, " batch"]
    metric_corrupted: Float[Tensor, " batch"]
    """Of the run from which senders are taken."""
    attention: dict[str, Float[Tensor, "layer head batch"]]
    """Mean attention of the receiving heads from END to each named position after patching, a fraction."""
    attention_clean: dict[str, Float[Tensor, " batch"]]
    rounding: float = ROUNDING
    """See `margins.rounding`."""

    @staticmethod
    def joined(parts: "list[Effects]") -> "Effects":
        """Of all prompts, from those of some at a time."""
        patched = torch.cat([p.patched for p in parts], -1)
        clean, corrupted = (torch.cat([getattr(p, m) for p in parts]) for m in ("metric_clean", "metric_corrupted"))
        looks, before = (
            {name: torch.cat([getattr(p, of)[name] for p in parts], -1) for name in getattr(parts[0], of)}
            for of in ("attention", "attention_clean")
        )
        return Effects(patched, clean, corrupted, looks, before, parts[0].rounding)

    @property
    def reason(self) -> str | None:
        """Why no effect means anything: the damage that it is a share of is none, or no more than noise."""
        if reason := undefined(self.metric_clean):
            return reason
        finite = self.metric_corrupted.isfinite().all()
        return unchanged(self.metric_clean, self.metric_corrupted) if finite else NOT_FINITE

    @property
    def effect(self) -> Float[Tensor, "layer head"]:
        """Share of the corruption's damage, below zero for heads that help; NaN if corruption changes nothing."""
        return self.weighted(torch.ones_like(self.metric_clean)[None]).effect[0]

    def weighted(self, weights: Float[Tensor, "draw batch"]) -> Weighted:
        """The effects with prompts weighted, as in resamples."""
        change = torch.einsum("lhb,rb->rlh", self.patched - self.metric_clean, weights)
        gap = (weights @ (self.metric_clean - self.metric_corrupted))[:, None, None]
        size = torch.stack([self.metric_clean, self.metric_corrupted]).abs().max() * weights.sum(1)[:, None, None]
        return Weighted(change / gap.where(gap != 0, torch.nan), self.rounding * size / gap.abs())
