"""A GGUF file becomes a folder with config.json, weights and tokenizer.

transformers reads the file; quantised weights become float32, in which they are exact. The folder appears once it is
whole.
"""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from circuit_core import untrusted_files
from circuit_core.errors import CheckpointError, CircuitError, UnsupportedModel, first_line
from circuit_core.models import families


def convert(file: Path, folder: Path) -> None:
    """Make `folder` of a GGUF file.

    Raises:
        UnsupportedModel: its family is none of `FAMILIES`; found before its weights are read.
        UnreadableFile: it is no regular file.
        CheckpointError: it is damaged, or there is no room for what it becomes.
    """
    untrusted_files.opened(file).close()
    folder.parent.mkdir(0o700, parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=folder.parent))
    try:
        _write(file, made)
        os.rename(made, folder)
    except CircuitError:
        raise
    except Exception as error:
        if not folder.is_dir():  # another process has not been faster
            raise CheckpointError(f"{file} cannot be converted ({first_line(error)}): fetch it again.") from error
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _write(file: Path, folder: Path) -> None:
    """Raises: UnsupportedModel, and whatever a damaged file leads to."""
    from gguf import GGUFReader

    config = AutoConfig.from_pretrained(file.parent, gguf_file=file.name)
    if reason := families.refusal(config.to_dict()):
        raise UnsupportedModel(reason)
    model: Any = AutoModelForCausalLM.from_pretrained(file.parent, gguf_file=file.name, dtype=torch.float32)
    by_place = {tensor.data_ptr(): (name, tensor) for name, tensor in reversed(model.state_dict().items())}
    save_file({name: tensor for name, tensor in by_place.values()}, folder / "model.safetensors", {"format": "pt"})
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config  # of the file, not of what was written
    model.config.save_pretrained(folder)
    if "tokenizer.ggml.tokens" in GGUFReader(file).fields:
        AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name).save_pretrained(folder)
