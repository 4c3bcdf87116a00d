"""The same model with the heads of one layer in another order."""

from typing import Any

import torch


def permute_heads(model: Any, layer: int, order: list[int]) -> None:
    """Reorder a GPT-NeoX layer's heads in place: head i becomes what head `order[i]` was."""
    attention = model.gpt_neox.layers[layer].attention
    joined, dense = attention.query_key_value, attention.dense
    rows = (len(order), 3 * attention.head_size)
    with torch.no_grad():
        for part in (joined.weight, joined.bias):
            part.copy_(part.unflatten(0, rows)[order].flatten(0, 1))
        dense.weight.copy_(dense.weight.unflatten(1, (len(order), -1))[:, order].flatten(1))
