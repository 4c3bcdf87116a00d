"""A checkpoint's tokenizer and vocabulary, without its weights: nothing here imports what models need."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer

from circuit_core import untrusted_files
from circuit_core.errors import CheckpointError, UnreadableFile, first_line
from circuit_core.models import checkpoints

Encode = Callable[[str], list[int]]


def tokenizer(folder: Path) -> Any | None:
    """The checkpoint's own tokenizer, or that of the folder above. Raises: CheckpointError."""
    place = checkpoints.tokenizer_folder(folder)
    if place is None:
        return None
    try:
        untrusted_files.check_folder(place)
        return AutoTokenizer.from_pretrained(place, local_files_only=True, trust_remote_code=False)
    except UnreadableFile as error:
        raise CheckpointError(str(error)) from None
    except Exception as error:
        said = untrusted_files.fault(place) or f"The tokenizer in {place} cannot be read ({first_line(error)})."
        raise CheckpointError(said) from error


def vocabulary(folder: Path) -> int:
    """How many tokens a checkpoint's embedding has, by its config. Raises: CheckpointError."""
    size = checkpoints.config(folder).get("vocab_size")
    if type(size) is not int or not 0 < size < 2**31:
        raise CheckpointError(f"{folder / 'config.json'} does not say 'vocab_size': is it a language model's?")
    return size


def encoder(tokenizer: Any) -> Encode:
    """Text to ids, without special tokens."""
    return lambda text: tokenizer(text, add_special_tokens=False)["input_ids"]
