"""The metric from the residual stream at the answer, before the final norm; for stacks of runs on the same prompts.

A logit difference needs only the columns of the unembedding that its answers name; a probability needs all of it, which
is read once for as many runs as their logits fit.
"""

from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor
from transformer_lens.model_bridge import TransformerBridge

from circuit_core.tasks.metrics import LogitDifference, Metric, at_least_single

LOGITS = 2**23
"""Logits that are held at a time."""


class Readout:
    """What one model's streams answer on one set of prompts."""

    def __init__(self, bridge: TransformerBridge, metric: Metric) -> None:
        self.bridge, self.metric = bridge, metric

    @torch.no_grad()
    def __call__(self, streams: Float[Tensor, "stack batch d_model"]) -> Float[Tensor, "stack batch"]:
        normed: Tensor = self.bridge.ln_final(streams)
        if not isinstance(self.metric, LogitDifference):
            some = max(1, LOGITS // (self.bridge.cfg.d_vocab * streams.shape[1]))
            return torch.stack([self.metric(one) for part in normed.split(some) for one in self.bridge.unembed(part)])
        direction, offset = self._difference
        return (torch.einsum("sbd,bd->sb", at_least_single(normed), direction) + offset).float()

    @cached_property
    def _difference(self) -> tuple[Float[Tensor, "batch d_model"], Float[Tensor, " batch"]]:
        """Direction and offset of the logit difference, behind the final norm."""
        assert isinstance(self.metric, LogitDifference)
        matrix, bias = self.bridge.W_U.detach(), getattr(self.bridge, "b_U", None)
        correct, wrong = self.metric.correct, self.metric.wrong
        bias = matrix.new_zeros(matrix.shape[1]) if bias is None else bias.detach()
        direction, offset = (at_least_single(of[..., correct]) - of[..., wrong] for of in (matrix, bias))
        return direction.T.contiguous(), offset
