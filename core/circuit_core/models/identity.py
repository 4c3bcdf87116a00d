"""What the results of a checkpoint rest on, by content (METHODS l.16): weights, `config.json` and tokenizer.

Where it lies and when it was written do not matter: a copy of it computes nothing again, and a change to one of the
three computes everything anew.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from circuit_core import untrusted_files
from circuit_core.errors import CheckpointError, UnreadableFile
from circuit_core.models import checkpoints, weights

TOKENIZER_FILES = (
    *("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "tokenizer.model"),
    *("vocab.json", "merges.txt"),
)


@dataclass(frozen=True)
class Source:
    """A checkpoint as it was found."""

    fingerprint: str
    """Of the weights."""
    files: str
    """Name, size and times of the weight files: while they are the same, so are the weights."""
    identity: str
    """Of weights, config and tokenizer."""


def source(folder: Path, known: dict[str, str] | None = None) -> Source:
    """What a folder holds now. Weights cost what reading them does, unless their files are known.

    Args:
        known: `files` of a source -> its fingerprint, as they were found before.

    Raises: CheckpointError, OSError.
    """
    stats = [(file, file.stat()) for file in weights.files(folder)]
    # A file whose content changes gets another time of change (ctime), which no program can set back.
    files = ";".join(f"{f.absolute()}|{s.st_ino}|{s.st_size}|{s.st_mtime_ns}|{s.st_ctime_ns}" for f, s in stats)
    mark = (known or {}).get(files) or weights.fingerprint(folder)
    about = hashlib.sha256(json.dumps(checkpoints.config(folder), sort_keys=True).encode())
    for told in tokenizer(folder):
        about.update(told)
    return Source(mark, files, f"{mark}-{about.hexdigest()[:32]}")


def tokenizer(folder: Path) -> Iterator[bytes]:
    """Name and hash of each file of a checkpoint's tokenizer. Raises: CheckpointError."""
    place = checkpoints.tokenizer_folder(folder)
    for file in [place / name for name in TOKENIZER_FILES] if place else []:
        if untrusted_files.there(file):
            yield f"\0{file.name}\0".encode() + _digest(file)


def _digest(file: Path) -> bytes:
    try:
        return untrusted_files.digest(file)
    except UnreadableFile as error:
        raise CheckpointError(str(error)) from None
