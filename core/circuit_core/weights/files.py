"""Which files of a folder are loaded, and the tensors that they hold.

Of several weight files `transformers` loads one, or the shards of one index; others beside it (an adapter, a
consolidated copy) are none of the model's.
"""

import json
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from circuit_core.errors import CheckpointError
from circuit_core.weights import pickled
from circuit_core.weights.tensor import BYTES, Tensor

_NAMES = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json")
"""What `transformers` looks for in a folder, in its order, unless `transformers_weights` in the config names a file."""
_INNER = re.compile(r"^(transformer|gpt_neox|model)\.")
"""The model within the language model; a file that was saved from the inner one lacks it."""
_BUFFER = re.compile(r"(^|\.)(attn|attention)\.(bias|masked_bias)$|rotary_emb\.inv_freq$")
"""Masks and angles that older files carry: they follow from the config, and are not loaded."""
_HEAD = "lm_head.weight"
_EMBEDDING = re.compile(r"(wte|embed_in|embed_tokens)\.weight")


def files(folder: Path) -> list[Path]:
    """The weight files that are loaded. Raises: CheckpointError, if there is none."""
    for name in (*_named(folder), *_NAMES):
        if (folder / name).is_file():
            return _shards(folder / name) if name.endswith(".json") else [folder / name]
    raise CheckpointError(f"{folder} has no weights: expected model.safetensors or pytorch_model.bin.", "missing")


def begun(folder: Path) -> bool:
    """Whether there are weights, or an index of some that may be missing."""
    return any((folder / name).is_file() for name in (*_named(folder), *_NAMES))


def _named(folder: Path) -> list[str]:
    try:
        name = json.loads((folder / "config.json").read_text())["transformers_weights"]
        return [name] if isinstance(name, str) else []
    except (OSError, ValueError, TypeError, KeyError):
        return []


def _shards(index: Path) -> list[Path]:
    """Raises: CheckpointError."""
    try:
        read = json.loads(index.read_text())
        shards = [index.parent / name for name in sorted(set(read["weight_map"].values()))]
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        raise CheckpointError(f"{index} is no index of weight files: fetch it again.") from None
    if not isinstance(read.get("metadata"), dict):
        raise CheckpointError(f'{index} lacks "metadata", without which transformers loads none: add it, if only {{}}.')
    if absent := [shard.name for shard in shards if not shard.is_file()]:
        raise CheckpointError(f"{index.parent} lacks {absent[0]}, which {index.name} names: fetch it.", "missing")
    return shards


def tensors(folder: Path) -> dict[str, Tensor]:
    """The parameters in the files that are loaded, under names that are the same in each kind of file.

    Raises: CheckpointError.
    """
    found = {name: tensor for file in files(folder) for name, tensor in _of_file(file)}
    named = {_INNER.sub("", name).replace("embed_out.", "lm_head."): found[name] for name in sorted(found)}
    return {name: tensor for name, tensor in named.items() if not _BUFFER.search(name)}


def parameters(folder: Path, config: dict[str, Any]) -> int:
    """How many numbers the model has, tied weights counted once, as in PyTorch's `parameters()`.

    Args:
        config: of `config.json`.

    Raises: CheckpointError.
    """
    found = tensors(folder)
    tied = config.get("tie_word_embeddings", config.get("model_type") == "gpt2")
    twice = repeated(found) if tied else None
    return sum(tensor.size for name, tensor in found.items() if name != twice)


def repeated(found: dict[str, Tensor]) -> str | None:
    """Name of the output matrix, if it holds what the embedding does: tied weights, saved twice. Raises: OSError."""
    embedding = next((tensor for name, tensor in found.items() if _EMBEDDING.fullmatch(name)), None)
    head = found.get(_HEAD)
    if not (head and embedding) or (head.dtype, head.shape) != (embedding.dtype, embedding.shape):
        return None
    return _HEAD if head.sample() == embedding.sample() else None


def _of_file(file: Path) -> Iterator[tuple[str, Tensor]]:
    """Raises: CheckpointError, if the file is damaged."""
    size = file.stat().st_size
    found = list((_of_safetensors if file.suffix == ".safetensors" else pickled.tensors)(file))
    needed = max((tensor.offset + tensor.extent for _, tensor in found), default=0)
    if needed > size:
        raise CheckpointError(f"{file} is truncated: {size:,} of {needed:,} bytes are there; fetch it again.")
    yield from found


def _of_safetensors(file: Path) -> list[tuple[str, Tensor]]:
    try:
        with file.open("rb") as f:
            length = struct.unpack("<Q", f.read(8))[0]
            if 8 + length > file.stat().st_size:
                raise ValueError("a longer header than file")
            header = json.loads(f.read(length))
        header.pop("__metadata__", None)
        return [(name, _described(file, 8 + length, about)) for name, about in header.items()]
    except (OSError, ValueError, TypeError, KeyError, AttributeError, IndexError, struct.error):
        raise CheckpointError(f"{file} is no safetensors file, or its header is cut off: fetch it again.") from None


def _described(file: Path, data: int, about: dict[str, Any]) -> Tensor:
    """Raises: ValueError and others, if that is no description; CheckpointError, for numbers of a kind unknown here."""
    begin, end = about["data_offsets"]
    if about["dtype"] not in BYTES:
        raise CheckpointError(
            f"{file} holds numbers of kind {about['dtype']}: convert it to one of {', '.join(BYTES)}."
        )
    found = Tensor(file, about["dtype"], tuple(about["shape"]), data + begin)
    if not all(isinstance(n, int) and n >= 0 for n in (begin, *found.shape)) or found.extent != end - begin:
        raise ValueError("offsets that do not fit the shape")
    return found
