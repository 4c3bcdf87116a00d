"""What is written to the residual stream, read as logits.

A stream x has the logits r (x W) + b. r is the final norm's inverse scale, W the unembedding with that norm's gain,
centred over d_model if the norm centres (so x need not be), and b the norm's shift, unembedded, plus the unembedding's
own bias.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from transformer_lens.model_bridge import TransformerBridge

from circuit_core.forward.residual_stream import Norm


class Unembedding:
    """The final norm and the unembedding as one map."""

    def __init__(self, bridge: TransformerBridge) -> None:
        matrix, bias = bridge.W_U.detach(), getattr(bridge, "b_U", None)
        self.norm = Norm.of(bridge, bridge.ln_final)
        self.matrix: Float[Tensor, "d_model vocab"] = matrix
        """Without the norm's gain."""
        gained = matrix * self.norm.gain[:, None]
        self.weight: Float[Tensor, "d_model vocab"] = gained - gained.mean(0) if self.norm.centres else gained
        self.bias: Float[Tensor, " vocab"] = self.norm.shift @ matrix + (0 if bias is None else bias.detach())

    def scale(self, x: Float[Tensor, "*rows d_model"]) -> Float[Tensor, "*rows 1"]:
        """r of each stream."""
        return self.norm.inverse_scale(self.norm.seen(x))


def head_chunks(n_heads: int, each: int, budget: int = 2**25) -> list[Any]:
    """Head indices in chunks of at most `budget` numbers, at `each` numbers a head; at least one head a chunk."""
    return list(torch.arange(n_heads).split(max(1, budget // each)))
