"""Margins for comparisons, so that rounding never decides what counts (METHODS l.1).

Two numbers that are equal but for rounding are larger or smaller by the processor's choice. So where equality has a
cause (a head that writes nothing, logits that are all alike, a copied circuit), a comparison asks for a margin.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

MARGIN = 1e-4
"""Of the largest |logit| over the vocabulary; of a score or an attention, in its own unit. See `margin`, too."""
SILENT = 1e-5
"""A head writes nothing where its write has a norm below this share of that of its normalised input."""
ROUNDING = 1e-5
"""Metrics and shares closer than this, relative to the largest, are equal: float32 sums in another order. See
`rounding`, too."""


def margin(dtype: torch.dtype) -> float:
    """Share of the largest number by which one must lead; in half precision the rounding of one number, if larger."""
    return max(MARGIN, torch.finfo(dtype).eps)


def rounding(dtype: torch.dtype) -> float:
    """Share of a number's size by which sums in another order may change it."""
    return max(ROUNDING, torch.finfo(dtype).eps)


def settled(values: Float[Tensor, " batch"], size: Float[Tensor, " batch"]) -> Float[Tensor, " batch"]:
    """Zero where a value is no larger than what may be the rounding of numbers, and that is `size`."""
    return values.masked_fill(values.abs() <= size, 0.0)


def largest(logits: Float[Tensor, "*rows vocab"]) -> Float[Tensor, "*rows"]:
    """The largest |logit| over the vocabulary; NaN if one is."""
    low, high = logits.aminmax(dim=-1)
    return torch.maximum(high, -low)


def writes(written: Float[Tensor, "*rows d_model"], read: Float[Tensor, "*#rows d_model"]) -> Bool[Tensor, "*rows"]:
    """Whether a head writes anything, of what it has read."""
    return torch.linalg.vector_norm(written, dim=-1) > SILENT * torch.linalg.vector_norm(read, dim=-1)


def leads(
    values: Float[Tensor, "*rows n"], chosen: Bool[Tensor, "*#rows n"], margin: float | Float[Tensor, "*#rows"]
) -> Bool[Tensor, "*rows"]:
    """Whether the largest value is among the chosen, by more than a margin over all others."""
    best, other = (values.masked_fill(out, -torch.inf).amax(-1) for out in (~chosen, chosen))
    return best - other > margin
