"""What can be said of a checkpoint on disk without loading it: its step, its shape, where its tokenizer lies.

A model is a folder with one folder a step (`step1000/`, `checkpoint-1000/`, or a pattern), or else a folder that is
itself one checkpoint. No torch is needed, so that planning a sweep does not wait for it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from circuit_core import untrusted_files
from circuit_core.bounded_regex import Pattern
from circuit_core.errors import CheckpointError, MissingFile, UnknownModel, UnreadableFile
from circuit_core.models import final_model, sizes, weights

PATTERN = (
    r"(?:stage1-|epoch=\d+-|global_?|model[-_])?(?:step|checkpoint|ckpt|iter)[-_=]?(?P<step>\d+)"
    r"(?:-tokens\d+[BM]|-unsharded|[-_]hf|-ckpt)?"
)
"""Names that suites and trainers write: Pythia, OLMo (first stage), SmolLM3, Amber; Transformers, DeepSpeed, Megatron,
Lightning, LitGPT."""


@dataclass(frozen=True)
class FoundCheckpoint:
    """A checkpoint of a model."""

    step: int
    revision: str
    """Folder name below the model's folder; empty if that folder is the checkpoint."""


@dataclass(frozen=True)
class Shape:
    params: int
    """Tied weights count once."""
    n_layers: int
    n_heads: int
    d_model: int
    parallel: bool
    kv_heads: int
    """As trained; fewer than heads where these share keys and values in groups (METHODS l.8)."""


def discover(folder: Path, pattern: str | None = None) -> list[FoundCheckpoint]:
    """All checkpoints below `folder` and the model that is left in it beside them (`final_model`), by step.

    Raises:
        UnknownModel: it is no folder, or holds no checkpoint, or one whose step is not clear.
        BadPattern: the pattern is none, or takes too long.
    """
    if not folder.is_dir():
        raise UnknownModel(f"There is no folder {folder}: give a folder of checkpoints or the name of a known model.")
    expression = Pattern(pattern, "--pattern") if pattern else re.compile(PATTERN)
    try:
        names = sorted(p.name for p in folder.iterdir() if p.is_dir() or (p.is_symlink() and not p.exists()))
        itself = (folder / "config.json").exists()
    except OSError as error:
        raise UnknownModel(f"The folder {folder} cannot be read ({error.strerror}): check its permissions.") from None
    found: dict[int, FoundCheckpoint] = {}
    for name in names:
        if named := expression.fullmatch(name):
            at = folder / name
            if itself and not (at / "config.json").exists() and any(at.glob("*_states.pt")):
                continue  # what a trainer goes on from, as DeepSpeed puts it into a checkpoint, and no model
            step = step_named(named["step"], at)
            if step in found:
                raise UnknownModel(f"{folder} has step {step} twice, {found[step].revision} and {name}: move one away.")
            found[step] = FoundCheckpoint(step, name)
    if found:
        final = final_model.step_of(folder, {step: folder / at.revision for step, at in found.items()})
        if final is not None:
            found[final] = FoundCheckpoint(final, "")
        return [found[step] for step in sorted(found)]
    if itself:
        named = expression.search(folder.name)
        return [FoundCheckpoint(step_named(named["step"], folder) if named else 0, "")]
    if said := adapter(folder):
        raise UnknownModel(said)
    raise UnknownModel(
        f"{folder} holds no checkpoint: expected config.json, a GGUF file, or folders such as step1000; "
        "other names need `models add NAME FOLDER --pattern 'run-(?P<step>[0-9]+)'`."
    )


def counted_on(found: list[FoundCheckpoint], base: int) -> list[FoundCheckpoint]:
    """Checkpoints of a finetune, with steps that count on from the one it began from."""
    return [replace(at, step=base + at.step) for at in found]


def step_named(text: str | None, folder: Path | str) -> int:
    """The number that a name says. Raises: UnknownModel."""
    if not (text and text.isascii() and text.isdigit() and len(text) < 16):
        raise UnknownModel(f"{folder}: {text!r} is no step; the group (?P<step>...) must match digits.")
    return int(text)


def shape(folder: Path) -> Shape:
    """Sizes from `config.json` and the headers of the weight files. Raises: CheckpointError, OSError."""
    read = config(folder)
    found, tensors = sizes.sizes(read, folder / "config.json"), weights.tensors(folder)
    sizes.check(read, found, tensors, folder)
    params = weights.parameters(tensors, read)
    return Shape(params, found["layers"], found["heads"], found["width"], is_parallel(read), found["kv_heads"])


def is_parallel(config: Mapping[str, Any]) -> bool:
    """Whether attention and MLP of a layer read the same residual stream, by config.json."""
    return bool(config.get("use_parallel_residual", config.get("model_type") in ("gpt_neox", "gptj", "phi")))


def config(folder: Path) -> dict[str, Any]:
    """`config.json` as it stands. Raises: CheckpointError."""
    try:
        return untrusted_files.json_object(folder / "config.json")
    except MissingFile:
        said = adapter(folder) or f"{folder} has no config.json: is it a checkpoint?"
        raise CheckpointError(said, "missing") from None
    except UnreadableFile as error:
        raise CheckpointError(str(error)) from None


def tokenizer_folder(folder: Path) -> Path | None:
    """Where the checkpoint's tokenizer lies: beside it, or in the folder above."""
    names = ("tokenizer.json", "tokenizer.model", "vocab.json")
    return next((place for place in (folder, folder.parent) if any((place / n).exists() for n in names)), None)


def adapter(folder: Path) -> str | None:
    """What to say of a folder that holds an adapter instead of a model; None if it does not."""
    if (folder / "config.json").exists():
        return None
    try:
        base = untrusted_files.json_object(folder / "adapter_config.json").get("base_model_name_or_path")
    except UnreadableFile:
        return None
    return (
        f"{folder} holds an adapter of {base or 'a model that it does not name'}, no model: merge the two "
        "(`merge_and_unload()` of peft), save that, and give its folder."
    )
