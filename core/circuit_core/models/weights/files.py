"""Which files of a folder are loaded, and the tensors that they hold.

Of several weight files `transformers` loads one, or the shards of one index; others beside it (an adapter, a
consolidated copy) are none of the model's.
"""

import os
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeGuard

from circuit_core import untrusted_files
from circuit_core.errors import CheckpointError, UnreadableFile
from circuit_core.models.weights import pickled
from circuit_core.models.weights.tensor import BYTES, Tensor

_NAMES = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json")
"""What `transformers` looks for in a folder, in its order, unless `transformers_weights` in the config names a file."""
_INNER = re.compile(r"^(transformer|gpt_neox|model)\.")
"""The model within the language model; a file that was saved from the inner one lacks it."""
_BUFFER = re.compile(r"(^|\.)(attn|attention)\.(bias|masked_bias)$|rotary_emb\.inv_freq$")
"""Masks and angles that older files carry: they follow from the config, and are not loaded."""
_HEADER = 100_000_000
"""Bytes of a header at most, as in safetensors itself."""
_LARGEST, _AXES = 2**63, 64
"""What no size or offset reaches, and how many axes a tensor may have."""
_HEAD = "lm_head.weight"
_EMBEDDING = re.compile(r"(wte|embed_in|embed_tokens)\.weight")


def files(folder: Path) -> list[Path]:
    """The weight files that are loaded. Raises: CheckpointError, if there is none."""
    for name in (*_named(folder), *_NAMES):
        if untrusted_files.there(file := folder / name):
            break
    else:
        raise CheckpointError(f"{folder} has no weights: expected model.safetensors or pytorch_model.bin.", "missing")
    if not name.endswith(".json"):
        return [file]
    try:
        index = untrusted_files.json_object(file)
        shards = [file.parent / shard for shard in sorted(set(index["weight_map"].values()))]
    except UnreadableFile as error:
        raise CheckpointError(str(error)) from None
    except (TypeError, KeyError, AttributeError):
        raise CheckpointError(f"{file} is no index of weight files: fetch it again.") from None
    if not isinstance(index.get("metadata"), dict):
        raise CheckpointError(f'{file} lacks "metadata", without which transformers loads none: add it, if only {{}}.')
    if absent := [shard.name for shard in shards if not untrusted_files.there(shard)]:
        raise CheckpointError(f"{file.parent} lacks {absent[0]}, which {file.name} names: fetch it.", "missing")
    return shards


def begun(folder: Path) -> bool:
    """Whether there are weights, or an index of some that may be missing."""
    return any(untrusted_files.there(folder / name) for name in (*_named(folder), *_NAMES))


def _named(folder: Path) -> list[str]:
    try:
        name = untrusted_files.json_object(folder / "config.json").get("transformers_weights")
        return [name] if isinstance(name, str) else []
    except UnreadableFile:
        return []


def tensors(folder: Path) -> dict[str, Tensor]:
    """The parameters in the files that are loaded, under names that are the same in each kind of file.

    Raises: CheckpointError.
    """
    found = {name: tensor for file in files(folder) for name, tensor in _of_file(file)}
    named = {_INNER.sub("", name).replace("embed_out.", "lm_head."): found[name] for name in sorted(found)}
    return {name: tensor for name, tensor in named.items() if not _BUFFER.search(name)}


def parameters(found: dict[str, Tensor], config: dict[str, Any]) -> int:
    """How many numbers a model has, tied weights counted once, as in PyTorch's `parameters()`.

    Args:
        found: its tensors.
        config: of `config.json`.

    Raises: OSError.
    """
    tied = config.get("tie_word_embeddings", config.get("model_type") in ("gpt2", "smollm3"))
    twice = repeated(found) if tied else None
    return sum(tensor.size for name, tensor in found.items() if name != twice)


def embedding_of(found: dict[str, Tensor]) -> Tensor | None:
    """The matrix of [d_vocab, d_model] among a model's tensors."""
    return next((tensor for name, tensor in found.items() if _EMBEDDING.fullmatch(name)), None)


def repeated(found: dict[str, Tensor]) -> str | None:
    """Name of the output matrix, if it holds what the embedding does: tied weights, saved twice. Raises: OSError."""
    embedding, head = embedding_of(found), found.get(_HEAD)
    if not (head and embedding) or (head.dtype, head.shape) != (embedding.dtype, embedding.shape):
        return None
    return _HEAD if head.sample() == embedding.sample() else None


def _of_file(file: Path) -> Iterator[tuple[str, Tensor]]:
    """Raises: CheckpointError, if the file is damaged."""
    try:
        with untrusted_files.opened(file) as held:
            size = os.fstat(held.fileno()).st_size
            header = _header(file, held.read(8), size) if file.suffix == ".safetensors" else None
            about = untrusted_files.beginning(file, held, header) if header is not None else b""
    except UnreadableFile as error:
        raise CheckpointError(str(error)) from None
    found = list(pickled.tensors(file)) if header is None else _of_safetensors(file, about)
    needed = max((tensor.offset + tensor.extent for _, tensor in found), default=0)
    if needed > size:
        raise CheckpointError(f"{file} is truncated: {size:,} of {needed:,} bytes are there; fetch it again.")
    yield from found


def _header(file: Path, begins: bytes, size: int) -> int:
    """How long the header of a safetensors file is, by its first bytes. Raises: UnreadableFile."""
    length = struct.unpack("<Q", begins)[0] if len(begins) == 8 else None
    if length is None or 8 + length > size:
        raise UnreadableFile(f"{file} is no safetensors file, or its header is cut off: fetch it again.")
    if length > _HEADER:
        most = f"{length:,} bytes, and safetensors reads at most {_HEADER:,}"
        raise UnreadableFile(f"{file} is no safetensors file: its header would have {most}. Fetch it again.")
    return length


def _of_safetensors(file: Path, about: bytes) -> list[tuple[str, Tensor]]:
    """The tensors of safetensors, by the file's header. Raises: CheckpointError."""
    try:
        header = untrusted_files.parsed(about, "its header")
    except UnreadableFile as error:
        raise CheckpointError(f"{file} is no safetensors file: {error}") from None
    if not isinstance(header, dict):
        raise CheckpointError(f"{file} is no safetensors file: its header is no JSON object. Fetch it again.")
    header.pop("__metadata__", None)
    found: list[tuple[str, Tensor]] = []
    for name, given in header.items():
        kind, shape, ends = (
            given.get(key) if isinstance(given, dict) else None for key in ("dtype", "shape", "data_offsets")
        )
        if isinstance(kind, str) and kind not in BYTES:
            raise CheckpointError(f"{file} holds numbers of kind {kind[:40]}: convert it to one of {', '.join(BYTES)}.")
        text = name == name.encode(errors="ignore").decode()  # JSON can name halves of characters, which UTF-8 cannot
        if isinstance(kind, str) and _whole(shape, _AXES) and _whole(ends, 2) and len(ends) == 2 and text:
            tensor = Tensor(file, kind, tuple(shape), 8 + len(about) + ends[0])
            if tensor.extent == ends[1] - ends[0]:
                found.append((name, tensor))
                continue
        raise CheckpointError(
            f"{file} does not say in its header where {name[:60]!r} lies: dtype, shape and data_offsets must be there, "
            "and fit one another. Fetch it again."
        )
    return found


def _whole(given: Any, most: int) -> TypeGuard[list[int]]:
    """Whether these are at most so many whole numbers that a file can have as sizes or offsets."""
    return isinstance(given, list) and len(given) <= most and all(type(n) is int and 0 <= n < _LARGEST for n in given)
