"""Attention of chosen heads from given queries, keys and values, as the model attends.

What a model adds between projection and pattern is read off one of its runs: the rotation (cos and sin, where it has
one), which keys a query sees, and the scale of the scores. Before the rotation queries and keys may be normalised
(METHODS l.9), and q, k and v bounded. A model that does more than this is refused.
"""

from collections.abc import Mapping

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from circuit_core.errors import UnsupportedModel
from circuit_core.forward.positions import Span, TailPositions
from circuit_core.forward.residual_stream import Norm


class AttentionReplay:
    """One layer; `seen` holds its hooks q, k, v, attn_scores and, if it rotates, cos and sin."""

    def __init__(self, seen: Mapping[str, Tensor], norm: Norm | None = None, bound: float | None = None) -> None:
        self.norm, self.bound = norm, bound
        q, k, v = (self.clip(seen[port].movedim(2, 0).contiguous()) for port in "qkv")
        batch = q.shape[1]
        self.rotation = [seen[part].expand(batch, -1, -1) for part in ("cos", "sin") if part in seen]
        self.q: Float[Tensor, "head batch pos d_head"] = q
        self.k: Float[Tensor, "head batch pos d_head"] = k
        self.v: Float[Tensor, "head batch pos d_head"] = v
        heads = np.arange(len(q))
        self.turn(q, heads, TailPositions(0))
        self.turn(k, heads + len(q), TailPositions(0))
        scores = seen["attn_scores"].transpose(0, 1)
        self.hidden: Bool[Tensor, "batch pos pos"] = scores[0] <= torch.finfo(scores.dtype).min / 2
        self.scale = self._scale(scores)

    def _scale(self, scores: Float[Tensor, "head batch pos pos"]) -> float:
        """Of the scores over q . k, from the first example. Raises: UnsupportedModel."""
        hidden, wide = self.hidden[0], torch.promote_types(scores.dtype, torch.float32)
        q, k, given = self.q[:, 0].to(wide), self.k[:, 0].to(wide), scores[:, 0].to(wide).masked_fill(hidden, 0)
        plain = (q @ k.mT).masked_fill(hidden, 0)
        scale = (plain * given).sum() / plain.pow(2).sum().clamp(min=1e-30)
        rounding = max(1e-3, 2 * torch.finfo(self.q.dtype).eps, 2 * torch.finfo(scores.dtype).eps)
        if (plain * scale - given).abs().max() > rounding * given.abs().max():
            raise UnsupportedModel("This attention is no plain product of rotated queries and keys: not supported yet.")
        return scale.item()

    def clip(self, x: Float[Tensor, "*rows d_head"]) -> Float[Tensor, "*rows d_head"]:
        """Keep projections within the model's bound, in place."""
        return x if self.bound is None else x.clamp_(-self.bound, self.bound)

    def turn(
        self, x: Float[Tensor, "*circuit port batch pos d_head"], ports: Int[np.ndarray, " port"], span: Span
    ) -> None:
        """Normalise and rotate queries or keys at `span`, in place; ports are all queries, then all keys."""
        if self.norm:
            x.copy_(self.norm[ports](x.to(torch.promote_types(x.dtype, torch.float32))))
        if self.rotation:
            cos, sin = (span.take(part) for part in self.rotation)
            turned = x[..., : cos.shape[-1]]
            first, second = turned.chunk(2, -1)
            turned.copy_(turned * cos + torch.cat([-second, first], -1) * sin)

    def __call__(
        self,
        q: Float[Tensor, "circuit head batch pos d_head"],
        k: Float[Tensor, "circuit head batch key d_head"],
        v: Float[Tensor, "circuit head batch key d_head"],
        span: Span,
    ) -> Float[Tensor, "circuit head batch pos d_head"]:
        """z of queries at `span` from rotated queries and keys."""
        scores = (q @ k.mT * self.scale).masked_fill(span.take(self.hidden), -torch.inf)
        return scores.softmax(-1) @ v
