"""The sizes of a model by its config.json, held against the tensors that are there before anything is built of them."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from circuit_core.errors import CheckpointError, brief
from circuit_core.models import weights

NAMES = {
    "layers": ("num_hidden_layers", "n_layer"),
    "heads": ("num_attention_heads", "n_head"),
    "width": ("hidden_size", "n_embd"),
}
"""What families call them in config.json."""
WITHOUT_GROUPS = ("gpt_neox", "gpt2", "gptj")
"""Families whose heads share no keys and values, whatever a config.json says of them."""
_AXES = ("vocab_size", "intermediate_size", "n_inner")
"""Others that are the length of some tensor."""
_OTHERS = (*_AXES, "max_position_embeddings", "n_positions", "head_dim")
_SHARES = ("rotary_pct", "partial_rotary_factor")
_LARGEST = 2**31 - 1
_LAYER = re.compile(r"(?:^|\.)(?:h|layers?|blocks?)\.(\d{1,9})\.")


def sizes(config: Mapping[str, Any], file: Path) -> dict[str, int]:
    """`layers`, `heads`, `kv_heads` and `width`; `file` names the config in messages. Raises: CheckpointError."""
    found = {kind: next((n for n in names if config.get(n) is not None), None) for kind, names in NAMES.items()}
    for kind, name in found.items():
        if name is None:
            raise CheckpointError(f"{file} does not say {NAMES[kind][-1]!r}: is it a transformer's?")
    for name in _OTHERS:
        if config.get(name) is not None:
            _size(config, name, file)
    rotary = config.get("rope_parameters")
    for given in (config, rotary if isinstance(rotary, dict) else {}):
        for name in _SHARES:
            if given.get(name) is not None and not (isinstance(given[name], int | float) and 0 <= given[name] <= 1):
                raise CheckpointError(f"{file} says {brief(given[name])} for {name!r}: a share from 0 to 1 is needed.")
    read = {kind: _size(config, name, file) for kind, name in found.items() if name}
    shared = config.get("num_key_value_heads") is not None and config.get("model_type") not in WITHOUT_GROUPS
    kv_heads = _size(config, "num_key_value_heads", file) if shared else read["heads"]
    if read["heads"] % kv_heads:
        said = f"{kv_heads} heads of keys for {read['heads']} of queries"
        raise CheckpointError(f"{file} says {said}: no equal groups of heads.")
    return read | {"kv_heads": kv_heads}


def _size(config: Mapping[str, Any], name: str, file: Path) -> int:
    given = config[name]
    if type(given) is not int or not 0 < given <= _LARGEST:
        raise CheckpointError(
            f"{file} says {brief(given)} for {name!r}: a whole number from 1 to {_LARGEST} is needed."
        )
    return given


def check(
    config: Mapping[str, Any], found: Mapping[str, int], tensors: dict[str, weights.Tensor], folder: Path
) -> None:
    """That the weights have the layers and the lengths that the config says. Raises: CheckpointError."""
    numbers = [int(named[1]) for name in tensors if (named := _LAYER.search(name))]
    there = max(numbers) + 1 if numbers else len(tensors)
    if found["layers"] > there:
        said = f"{found['layers']} layers, and they have {'' if numbers else 'at most '}{there}"
    else:
        said = _lengths(config, found, tensors)
    if said:
        raise CheckpointError(
            f"{folder}: the weights do not fit config.json, which says {said}. Fetch both.", "mismatch"
        )


def _lengths(config: Mapping[str, Any], found: Mapping[str, int], tensors: dict[str, weights.Tensor]) -> str | None:
    embedding = weights.embedding_of(tensors)
    width = found["width"] if embedding is None or len(embedding.shape) != 2 else embedding.shape[1]
    if found["width"] != width:
        return f"a width of {found['width']}, and they have {width}"
    if found["heads"] > width:
        return f"{found['heads']} heads, for a width of {width}"
    wanted = {name: config[name] for name in _AXES if config.get(name) is not None}
    if config.get("model_type") == "gpt2" and config.get("n_positions") is not None:
        wanted["n_positions"] = config["n_positions"]
    if config.get("head_dim") is not None:
        wanted["num_attention_heads x head_dim"] = found["heads"] * config["head_dim"]
    lengths = {length for tensor in tensors.values() for length in tensor.shape}
    absent = next((name for name, size in wanted.items() if size not in lengths), None)
    if absent:
        return f"{wanted[absent]} for {absent}, and none of them is so long"
    # Where keys have a matrix of their own, it has a row for each of their components.
    rows = {tensor.shape[0] for name, tensor in tensors.items() if name.endswith(".k_proj.weight") and tensor.shape}
    said = found["kv_heads"] * (config.get("head_dim") or width // found["heads"])
    other = rows - {said}
    return f"{said} for num_key_value_heads x head_dim, and keys have {min(other)}" if other else None
