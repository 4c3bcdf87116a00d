"""What may lie where a file is expected, and no one can read to its end."""

import os
import struct
from collections.abc import Callable
from pathlib import Path

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
