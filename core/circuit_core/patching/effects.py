"""What path patching finds: the metric per sender and prompt, and how far it moved (METHODS f.2)."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from circuit_core.circuits.faithfulness import unchanged, undefined


@dataclass(frozen=True)
class Effects:
    """What each sender does; NaN for heads that were no senders."""

    patched: Float[Tensor, "layer head batch"]
    """The metric after patching; the clean one where there is no path."""
    metric_clean: Float[Tensor, " batch"]
    metric_corrupted: Float[Tensor, " batch"]
    """Of the run from which senders are taken."""
    attention: dict[str, Float[Tensor, "layer head"]]
    """Mean attention of the receiving heads from END to each named position after patching, a fraction."""
    attention_clean: dict[str, Float[Tensor, ""]]

    @property
    def reason(self) -> str | None:
        """Why no effect means anything: the damage that it is a share of is none, or no more than noise."""
        return undefined(self.metric_clean) or unchanged(self.metric_clean, self.metric_corrupted)

    @property
    def effect(self) -> Float[Tensor, "layer head"]:
        """Share of the corruption's damage, below zero for heads that help; NaN if corruption changes nothing."""
        return self.effects(torch.ones_like(self.metric_clean)[None])[0]

    def effects(self, weights: Float[Tensor, "resample batch"]) -> Float[Tensor, "resample layer head"]:
        """The effect with prompts weighted, as in resamples."""
        change = torch.einsum("lhb,rb->rlh", self.patched - self.metric_clean, weights)
        gap = weights @ (self.metric_clean - self.metric_corrupted)
        return change / gap.where(gap != 0, torch.nan)[:, None, None]


def joined(parts: list[Effects]) -> Effects:
    """Of all prompts, from those of some at a time."""
    clean, corrupted = (torch.cat([getattr(p, m) for p in parts]) for m in ("metric_clean", "metric_corrupted"))
    shares = [len(p.metric_clean) / len(clean) for p in parts]
    attention, before = _mean([p.attention for p in parts], shares), _mean([p.attention_clean for p in parts], shares)
    return Effects(torch.cat([p.patched for p in parts], 2), clean, corrupted, attention, before)


def _mean(found: list[dict[str, Tensor]], shares: list[float]) -> dict[str, Tensor]:
    """Name by name, weighted."""
    weighted = [{name: share * value for name, value in f.items()} for share, f in zip(shares, found, strict=True)]
    return {name: torch.stack([w[name] for w in weighted]).sum(0) for name in found[0]}
