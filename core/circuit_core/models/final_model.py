"""The model that a trainer leaves above its checkpoints: the last one, the best of them, or a step of its own.

`transformers.Trainer` saves `checkpoint-N/` below its folder and the final model in it. With `load_best_model_at_end`
that is the best checkpoint, although `trainer_state.json` beside it says the last step; so weights decide.
"""

from pathlib import Path

from circuit_core import untrusted_files
from circuit_core.errors import CheckpointError, UnknownModel, UnreadableFile
from circuit_core.models import weights

_FEW = 4
"""Tensors, the smallest, that two checkpoints must share before all of their weights are compared."""


def step_of(folder: Path, below: dict[int, Path]) -> int | None:
    """The step of the model in `folder`; None if there is none, or if it is one of those below, or `left_out`.

    Args:
        below: step -> its checkpoint.

    Raises:
        UnknownModel: it is none of them, and its step is not known, or that of one of them.
    """
    if not _is_model(folder) or any(_equal(folder, below[step]) for step in sorted(below, reverse=True)):
        return None
    step = _last_step(folder)
    if step is not None and step not in below:
        return step
    if left_out(folder, below):
        return None
    said = "no trainer_state.json says its step" if step is None else f"its step is that of {below[step].name}"
    raise UnknownModel(
        f"The model in {folder} is none of the checkpoints below, and {said}: move it into a folder of its own there, "
        "named by its step."
    )


def left_out(folder: Path, below: dict[int, Path]) -> str | None:
    """Why the model in `folder` is none of its checkpoints: it cannot be read, and nothing else says its step."""
    step = _last_step(folder)
    if not (below and _is_model(folder)) or (step is not None and step not in below):
        return None
    try:
        weights.tensors(folder)
    except CheckpointError as error:
        return f"The model in {folder} is left out, as its step is not known: {error}"
    return None


def _is_model(folder: Path) -> bool:
    """Also one of which weights are missing."""
    return untrusted_files.there(folder / "config.json") and weights.begun(folder)


def _last_step(folder: Path) -> int | None:
    """The step at which training ended."""
    try:
        step = untrusted_files.json_object(folder / "trainer_state.json").get("global_step")
    except UnreadableFile:
        return None
    return step if type(step) is int and 0 <= step < 10**15 else None


def _equal(one: Path, other: Path) -> bool:
    """Whether both can be read and hold the same weights; all are compared only where a few small ones are equal."""
    try:
        these, those = weights.tensors(one), weights.tensors(other)
        few = sorted(these, key=lambda name: (these[name].size, name))[:_FEW]
        if these.keys() != those.keys() or any(these[name].sample() != those[name].sample() for name in few):
            return False
        return weights.fingerprint(one) == weights.fingerprint(other)
    except (CheckpointError, OSError):
        return False
