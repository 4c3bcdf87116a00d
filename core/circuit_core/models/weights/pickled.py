"""The tensors of a `pytorch_model.bin` without torch: where each lies in the file, nothing of what it says is run.

The file is a pickle that names tensors, and their numbers apart: in a zip archive, or behind it in files of before
PyTorch 1.6. The pickle may rebuild tensors and ordered dictionaries; whatever else it asks for is refused.
"""

import collections
import pickle
import struct
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import IO, Any

from circuit_core.errors import CheckpointError
from circuit_core.models.weights import endless_pickles
from circuit_core.models.weights.tensor import BYTES, Tensor

_STORAGES = {
    **{"BoolStorage": "BOOL", "ByteStorage": "U8", "CharStorage": "I8", "ShortStorage": "I16", "IntStorage": "I32"},
    **{"LongStorage": "I64", "HalfStorage": "F16", "BFloat16Storage": "BF16", "FloatStorage": "F32"},
    **{"DoubleStorage": "F64"},
}
_MAGIC = 0x1950A86A20F9469CFC6C
"""First number of a file of before PyTorch 1.6."""
_PICKLE, _MOST = 100_000_000, 129
"""Bytes of a pickle that names tensors at most, without their numbers; and numbers that place a tensor of 64 axes."""


@dataclass(frozen=True)
class _InStorage:
    """A tensor whose storage is known by its key."""

    dtype: str
    key: str
    offset: int
    """Elements of the storage before it."""
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def tensors(file: Path) -> Iterator[tuple[str, Tensor]]:
    """Name and place of each tensor. Raises: CheckpointError."""
    try:
        with file.open("rb") as raw:
            endless_pickles.check(raw)
        held, begins = _contents(file)
        found: dict[str, Tensor] = {}
        for name, of in held.items():
            if not isinstance(of, _InStorage):
                what = type(of).__name__
                raise CheckpointError(f"{file} holds more than tensors ({what}): save its state dict alone.")
            numbers = (of.offset, *of.shape, *of.strides)
            if len(of.shape) != len(of.strides) or len(numbers) > _MOST or any(type(n) is not int for n in numbers):
                raise ValueError("no sizes of a tensor")
            if not 0 <= min(numbers) <= max(numbers) < 2**63:
                raise ValueError("a tensor before its storage, or behind every file's end")
            begin = begins[of.key] + of.offset * BYTES[of.dtype]
            found[name] = Tensor(file, of.dtype, of.shape, begin, of.strides)
    except CheckpointError:
        raise
    except Exception as error:
        fault = type(error).__name__  # its text may repeat what the file holds, which may be endless
        raise CheckpointError(f"{file} is no PyTorch file of weights, or damaged ({fault}): fetch it again.") from None
    yield from found.items()


def _contents(file: Path) -> tuple[dict[str, Any], dict[str, int]]:
    """What the pickle holds, and at which byte each storage begins."""
    if not zipfile.is_zipfile(file):
        # Of before PyTorch 1.6: pickles in a row, then each storage behind its number of elements.
        with file.open("rb") as raw:
            if _Reader(raw, file).load() != _MAGIC:
                raise ValueError("neither an archive nor of an older PyTorch")
            for _ in ("protocol", "system"):
                _Reader(raw, file).load()
            reader = _Reader(raw, file)
            found, begins = reader.load(), {}
            for key in _Reader(raw, file).load():
                (length,) = struct.unpack("<q", raw.read(8))
                begins[key] = raw.tell()
                raw.seek(length * BYTES[reader.storages[key]], 1)
        return found, begins
    with zipfile.ZipFile(file) as archive, file.open("rb") as raw:
        entry = next(info for info in archive.infolist() if info.filename.endswith("data.pkl"))
        if entry.file_size > _PICKLE:
            raise ValueError("a description of the tensors that is longer than any")
        with archive.open(entry) as content:
            found = _Reader(content, file).load()
        places = entry.filename.removesuffix("data.pkl") + "data/"
        stored = [info for info in archive.infolist() if info.filename.startswith(places)]
        if any(info.compress_type != zipfile.ZIP_STORED for info in stored):
            raise CheckpointError(f"{file} is compressed: save it with torch.save, or as safetensors.")
        return found, {info.filename.removeprefix(places): _begin(raw, info) for info in stored}


def _begin(raw: IO[bytes], info: zipfile.ZipInfo) -> int:
    """Byte behind an entry's own header, whose length is not that of the directory's."""
    raw.seek(info.header_offset + 26)
    name, extra = struct.unpack("<HH", raw.read(4))
    return info.header_offset + 30 + name + extra


class _Reader(pickle.Unpickler):
    """Reads what a state dict needs, and nothing that could run."""

    def __init__(self, content: Any, file: Path) -> None:
        """`content` is any file of bytes."""
        super().__init__(content)
        self.file = file
        self.storages: dict[str, str] = {}
        """Key -> dtype."""

    def find_class(self, module: str, name: str) -> Any:
        known: dict[tuple[str, str], Callable[..., Any]] = {
            ("collections", "OrderedDict"): collections.OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): _tensor,
            ("torch._utils", "_rebuild_parameter"): lambda tensor, *rest: tensor,
        }
        if (module, name) in known:
            return known[module, name]
        if module == "torch" and name in _STORAGES:
            return partial(_InStorage, _STORAGES[name])
        raise CheckpointError(
            f"{self.file} asks for {module}.{name}, which is no plain tensor: save it as safetensors."
        )

    def persistent_load(self, pid: Any) -> Any:
        """A storage, so far without shape."""
        kind, storage, key, _, _, *view = pid
        if not isinstance(key, str):
            raise ValueError("a storage without a name")
        if kind != "storage" or any(part is not None for part in view):
            raise CheckpointError(f"{self.file} holds views of storages: save it as safetensors.")
        self.storages[key] = storage.args[0]
        return storage(key, 0, (), ())


def _tensor(storage: _InStorage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *rest: Any) -> Any:
    return replace(storage, offset=offset, shape=tuple(shape), strides=tuple(strides))
