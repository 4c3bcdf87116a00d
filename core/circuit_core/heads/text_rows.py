"""Text as rows of tokens, for roles that need a model's own kind of text (METHODS e.5)."""

import torch
from jaxtyping import Int
from torch import Tensor

from circuit_core.errors import TaskError
from circuit_core.models.tokenizers import Encode

WIDTH, SCORED, REFERENCE = 60, 17, 100
"""Tokens a row, rows that are scored, and rows for the mean."""


def rows(
    encode: Encode, text: str, bos: int | None = None, scored: int = SCORED, reference: int = REFERENCE
) -> tuple[Int[Tensor, "row pos"], Int[Tensor, "reference pos"]]:
    """The first rows of `WIDTH` tokens of a text, to be scored, and those after them, for the mean.

    Args:
        bos: a token to put before every row, or None.

    Raises:
        TaskError: the text is too short.
    """
    needed, ids = scored + reference, encode(text)
    if len(ids) < needed * WIDTH:
        raise TaskError(
            f"copy_suppression needs --text FILE ({WIDTH} tokens x {needed} sequences); the text given has {len(ids)} "
            f"tokens, enough for {len(ids) // WIDTH}."
        )
    cut = torch.tensor(ids[: needed * WIDTH]).view(needed, WIDTH)
    if bos is not None:
        cut = torch.cat([torch.full((needed, 1), bos), cut], 1)
    return cut[:scored], cut[scored:]
