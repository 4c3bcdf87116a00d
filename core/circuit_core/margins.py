"""What may count: nothing that rounding decides (METHODS l.1).

Two numbers that are equal but for rounding are larger or smaller by the processor's choice. So where equality has a
cause (a head that writes nothing, logits that are all alike, a copied circuit), a comparison asks for a margin.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

MARGIN = 1e-4
"""Of the largest |logit| over the vocabulary; of an effect or an attention, in its own unit."""
SILENT = 1e-5
"""A head writes nothing where its write has a norm below this share of that of its normalised input."""
ROUNDING = 1e-5
"""Metrics and shares closer than this, relative to the largest, are equal: float32 sums in another order."""


def writes(written: Float[Tensor, "*rows d_model"], read: Float[Tensor, "*#rows d_model"]) -> Bool[Tensor, "*rows"]:
    """Whether a head writes anything, of what it has read."""
    return torch.linalg.vector_norm(written, dim=-1) >= SILENT * torch.linalg.vector_norm(read, dim=-1)


def leads(
    values: Float[Tensor, "*rows n"], chosen: Bool[Tensor, "*#rows n"], margin: float | Float[Tensor, "*#rows"]
) -> Bool[Tensor, "*rows"]:
    """Whether the largest value is among the chosen, by more than a margin over all others."""
    best, other = (values.masked_fill(out, -torch.inf).amax(-1) for out in (~chosen, chosen))
    return best - other > margin
