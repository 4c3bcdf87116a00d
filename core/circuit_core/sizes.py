"""The sizes of a model by its config.json, held against the tensors that are there before anything is built of them."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from circuit_core import weights
from circuit_core.errors import CheckpointError, brief

NAMES = {
    "layers": ("num_hidden_layers", "n_layer"),
    "heads": ("num_attention_heads", "n_head"),
    "width": ("hidden_size", "n_embd"),
}
"""What families call them in config.json."""
_OTHERS = ("vocab_size", "intermediate_size", "n_inner", "max_position_embeddings", "n_positions", "head_dim")
_LARGEST = 2**31 - 1
_LAYER = re.compile(r"(?:^|\.)(?:h|layers?|blocks?)\.(\d{1,9})\.")


def sizes(config: Mapping[str, Any], file: Path) -> dict[str, int]:
    """`layers`, `heads` and `width`; `file` names the config in messages. Raises: CheckpointError."""
    for name in (name for name in _OTHERS if config.get(name) is not None):
        _size(config, name, file)
    found = {kind: next((n for n in names if config.get(n) is not None), None) for kind, names in NAMES.items()}
    for kind, name in found.items():
        if name is None:
            raise CheckpointError(f"{file} does not say {NAMES[kind][-1]!r}: is it a transformer's?")
    return {kind: _size(config, name, file) for kind, name in found.items() if name}


def _size(config: Mapping[str, Any], name: str, file: Path) -> int:
    given = config[name]
    if type(given) is not int or not 0 < given <= _LARGEST:
        raise CheckpointError(
            f"{file} says {brief(given)} for {name!r}: a whole number from 1 to {_LARGEST} is needed."
        )
    return given


def check(found: Mapping[str, int], tensors: dict[str, weights.Tensor], folder: Path) -> None:
    """That the weights have the layers of the config, and its width and heads fit. Raises: CheckpointError."""
    numbers = [int(named[1]) for name in tensors if (named := _LAYER.search(name))]
    there = max(numbers) + 1 if numbers else len(tensors)
    embedding = weights.embedding_of(tensors)
    width = found["width"] if embedding is None or len(embedding.shape) != 2 else embedding.shape[1]
    if found["layers"] > there:
        said = f"{found['layers']} layers, and they have {'' if numbers else 'at most '}{there}"
    elif found["width"] != width:
        said = f"a width of {found['width']}, and they have {width}"
    elif found["heads"] > width:
        said = f"{found['heads']} heads, for a width of {width}"
    else:
        return
    raise CheckpointError(f"{folder}: the weights do not fit config.json, which says {said}. Fetch both.", "mismatch")
