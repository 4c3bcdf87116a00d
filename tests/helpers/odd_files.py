"""What may lie where a file is expected, and no one can read to its end."""

import os
import struct
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

ODD: dict[str, Callable[[Path], None]] = {
    "a pipe": os.mkfifo,
    "a device": lambda path: path.symlink_to("/dev/zero"),
    "a loop of links": lambda path: path.symlink_to(path.name),
}
"""What it is called -> makes one at a path."""


def long_header(path: Path) -> None:
    """A safetensors file whose header has 2 GB, all of them a hole."""
    with path.open("wb") as file:
        file.write(struct.pack("<Q", 2**31))
        file.truncate(2**31 + 8)


def endless(times: int) -> dict:
    """A dictionary that pickles, but reading its key takes 2^times steps: a tuple of a tuple twice, and so on."""
    key: Any = ("x", "y")
    for _ in range(times):
        key = (key, key)
    return _Held(key)


class _Held(dict):
    """One that never asks for the hash of its key."""

    def __init__(self, key: Any) -> None:
        super().__init__()
        self.key = key

    def __reduce__(self):
        return OrderedDict, (), None, None, iter([(self.key, 1)])
