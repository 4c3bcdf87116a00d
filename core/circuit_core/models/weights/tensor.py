"""A tensor in a file, and the sample by which a large one is known (METHODS l.16).

Of a tensor of a megabyte or more the sample is 16 bytes of every row, at an offset that moves along the row with its
index, so that an edit of some rows or of some columns shows: those that a head reads or writes, for instance. It is
some thousandths of the bytes, but spread over nearly every page of the file, and so costs what reading the file does.
"""

import errno
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO

BYTES = {"BOOL": 1, "U8": 1, "I8": 1, "I16": 2, "F16": 2, "BF16": 2, "I32": 4, "F32": 4, "I64": 8, "F64": 8}
"""Of an element, by the names of safetensors."""
WHOLE = 2**20
"""Bytes below which a tensor is its own sample."""
WINDOW = 16
"""Bytes of each row in a sample."""
_AT_ONCE = 2**20
"""Bytes that are read at once, as whole rows."""


@dataclass(frozen=True)
class Tensor:
    """Where a tensor lies; `strides` in elements, None where rows follow one another."""

    file: Path
    dtype: str
    """As safetensors spells it, such as `F32`."""
    shape: tuple[int, ...]
    offset: int
    """Byte of the file at which it begins."""
    strides: tuple[int, ...] | None = None

    @property
    def size(self) -> int:
        """Elements."""
        return prod(self.shape)

    @property
    def extent(self) -> int:
        """Bytes of the file from its first to its last element."""
        steps = zip(self.shape, self._steps, strict=True)
        return (sum((n - 1) * step for n, step in steps) + 1) * BYTES[self.dtype] if self.size else 0

    @property
    def _steps(self) -> tuple[int, ...]:
        return self.strides if self.strides is not None else _contiguous(self.shape)

    def sample(self) -> bytes:
        """All of a small tensor, 16 bytes of each row of a large one. Raises: OSError."""
        size = self.size * BYTES[self.dtype]
        if self.strides not in (None, _contiguous(self.shape)):
            return self._sampled(self._ordered(), 0) if size >= WHOLE else self._ordered()
        with self.file.open("rb", buffering=0) as file:
            file.seek(self.offset)
            if size < WHOLE:
                return bytes(_read(file, bytearray(size)))
            row = self.shape[-1] * BYTES[self.dtype]
            some = bytearray(max(1, _AT_ONCE // row) * row)
            parts = ((begin, memoryview(some)[: size - begin]) for begin in range(0, size, len(some)))
            return b"".join([self._sampled(_read(file, part), begin // row) for begin, part in parts])

    def _sampled(self, part: bytes | memoryview, first: int) -> bytes:
        """The sample of some rows, the first of which has the index `first`.

        Where the rows are too few to move along all of their length by 16 bytes each, they are spread over it.
        """
        row, rows = self.shape[-1] * BYTES[self.dtype], prod(self.shape[:-1])
        window = min(WINDOW, row)
        places = -(-row // window)
        begins = [min(place * window, row - window) for place in range(places)]
        step = max(1, places / rows)
        at = [at * row + begins[int((first + at) * step) % places] for at in range(len(part) // row)]
        return b"".join([part[begin : begin + window] for begin in at])

    def _ordered(self) -> bytes:
        """Every element, in the order of its indices."""
        import numpy as np

        with self.file.open("rb", buffering=0) as file:
            file.seek(self.offset)
            held = np.frombuffer(_read(file, bytearray(self.extent)), f"u{BYTES[self.dtype]}")
        steps = tuple(step * BYTES[self.dtype] for step in self._steps)
        return np.lib.stride_tricks.as_strided(held, self.shape, steps).tobytes()


def _read(file: IO[bytes], into: bytearray | memoryview) -> memoryview:
    """The next bytes of a file, as many as there is room. Raises: OSError, also if the file ends before."""
    room, at = memoryview(into), 0
    while at < len(room):
        got = file.readinto(room[at:])  # type: ignore[attr-defined]
        if not got:
            raise OSError(errno.EIO, "it ends too early", file.name)
        at += got
    return room


def _contiguous(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Strides of a tensor whose rows follow one another."""
    return tuple(prod(shape[i + 1 :]) for i in range(len(shape)))
