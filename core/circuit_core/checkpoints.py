"""What can be said of a checkpoint on disk without loading it: steps, shape, identity, fingerprint.

A model is a folder with one folder a step (`step1000/`, `checkpoint-1000/`, or a pattern), or else a folder that is
itself one checkpoint. Only the standard library is needed, so that planning a sweep does not wait for torch.
"""

import hashlib
import json
import re
import struct
from dataclasses import dataclass
from pathlib import Path

from circuit_core.errors import CheckpointError, UnknownModel

PATTERN = r"(?:step|checkpoint|ckpt|iter)[-_]?(?P<step>\d+)"
WEIGHTS = ("*.safetensors", "pytorch_model*.bin")
_HASHED = 1024
"""Bytes of each tensor that enter the fingerprint."""


@dataclass(frozen=True)
class Found:
    """A checkpoint of a model."""

    step: int
    revision: str
    """Folder name below the model's folder; empty if that folder is the checkpoint."""


@dataclass(frozen=True)
class Shape:
    params: int
    n_layers: int
    n_heads: int
    d_model: int
    parallel: bool


def discover(folder: Path, pattern: str | None = None) -> list[Found]:
    """All checkpoints below `folder`, by step.

    Raises:
        UnknownModel: it is no folder, or holds no checkpoint.
    """
    if not folder.is_dir():
        raise UnknownModel(f"There is no folder {folder}: give a folder of checkpoints or the name of a known model.")
    expression = re.compile(pattern or PATTERN)
    try:
        names = sorted(p.name for p in folder.iterdir() if p.is_dir())
        itself = (folder / "config.json").exists()
    except OSError as error:
        raise UnknownModel(f"The folder {folder} cannot be read ({error.strerror}): check its permissions.") from None
    found: dict[int, Found] = {}
    for name in names:
        if named := expression.fullmatch(name):
            step = _step(named["step"], folder / name)
            if step in found:
                raise UnknownModel(f"{folder} has step {step} twice, {found[step].revision} and {name}: move one away.")
            found[step] = Found(step, name)
    if found:
        return [found[step] for step in sorted(found)]
    if itself:
        named = expression.search(folder.name)
        return [Found(_step(named["step"], folder) if named else 0, "")]
    raise UnknownModel(
        f"{folder} holds no checkpoint: expected config.json, or folders such as step1000 or checkpoint-1000; "
        "other names need `models add NAME FOLDER --pattern 'run-(?P<step>[0-9]+)'`."
    )


def _step(text: str | None, folder: Path) -> int:
    if not (text and text.isascii() and text.isdigit() and len(text) < 16):
        raise UnknownModel(f"{folder}: {text!r} is no step; the group (?P<step>...) must match digits.")
    return int(text)


def shape(folder: Path) -> Shape:
    """Sizes from `config.json` and the headers of the weight files. Raises: CheckpointError."""
    read = config(folder)
    try:
        layers = read.get("num_hidden_layers") or read["n_layer"]
        heads = read.get("num_attention_heads") or read["n_head"]
        width = read.get("hidden_size") or read["n_embd"]
    except KeyError as missing:
        raise CheckpointError(f"{folder / 'config.json'} does not say {missing}: is it a transformer's?") from None
    parallel = bool(read.get("use_parallel_residual", read.get("model_type") == "gpt_neox"))
    params = sum(_size(t["shape"]) for f in weight_files(folder) for t in _header(f).values())
    return Shape(params, layers, heads, width, parallel)


def weight_files(folder: Path) -> list[Path]:
    """Weight files of a checkpoint, safetensors first. Raises: CheckpointError if there is none."""
    for pattern in WEIGHTS:
        if files := sorted(folder.glob(pattern)):
            return files
    raise CheckpointError(f"{folder} has no weights: expected model.safetensors or pytorch_model.bin.", "missing")


def identity(folder: Path) -> str:
    """What tells one source from another: path, size and time of each weight file. Raises: CheckpointError."""
    stats = [(f.absolute(), f.stat()) for f in weight_files(folder)]
    return ";".join(f"{path}|{s.st_size}|{s.st_mtime_ns}" for path, s in stats)


def fingerprint(folder: Path) -> str:
    """A hash over name, shape and first bytes of every tensor of every shard. Raises: CheckpointError."""
    digest = hashlib.sha256()
    for file in weight_files(folder):
        header = _header(file)
        if not header:
            digest.update(file.read_bytes()[:: max(1, file.stat().st_size // 2**20)])
            continue
        with file.open("rb") as f:
            start = 8 + struct.unpack("<Q", f.read(8))[0]
            for name in sorted(header):
                begin, end = header[name]["data_offsets"]
                f.seek(start + begin)
                digest.update(f"{name}{header[name]['shape']}".encode() + f.read(min(_HASHED, end - begin)))
    return digest.hexdigest()[:16]


def config(folder: Path) -> dict:
    """`config.json` as it stands. Raises: CheckpointError."""
    try:
        found = json.loads((folder / "config.json").read_text())
        if not isinstance(found, dict):
            raise ValueError("no JSON object")
        return found
    except FileNotFoundError:
        raise CheckpointError(f"{folder} has no config.json: is it a checkpoint?", "missing") from None
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{folder / 'config.json'} cannot be read ({error}).") from None


def _header(file: Path) -> dict[str, dict]:
    """Tensor name -> dtype, shape, data_offsets; empty for a pickle. Raises: CheckpointError."""
    if file.suffix != ".safetensors":
        return {}
    size = file.stat().st_size
    try:
        with file.open("rb") as f:
            length = struct.unpack("<Q", f.read(8))[0]
            header = json.loads(f.read(min(length, size)))
        header.pop("__metadata__", None)
        needed = 8 + length + max((t["data_offsets"][1] for t in header.values()), default=0)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, IndexError, struct.error):
        raise CheckpointError(f"{file} is no safetensors file, or its header is cut off: fetch it again.") from None
    if needed > size:
        raise CheckpointError(f"{file} is truncated: {size:,} of {needed:,} bytes are there; fetch it again.")
    return header


def _size(dims: list[int]) -> int:
    total = 1
    for d in dims:
        total *= d
    return total
