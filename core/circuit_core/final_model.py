"""The model that a trainer leaves above its checkpoints: the last one, the best of them, or a step of its own.

`transformers.Trainer` saves `checkpoint-N/` below its folder and the final model in it. With `load_best_model_at_end`
that is the best checkpoint, although `trainer_state.json` beside it says the last step; so weights decide.
"""

import json
from pathlib import Path

from circuit_core import weights
from circuit_core.errors import CheckpointError, UnknownModel


def step_of(folder: Path, below: dict[int, Path]) -> int | None:
    """The step of the model in `folder`; None if there is none, or if it is one of those below.

    Args:
        below: step -> its checkpoint.

    Raises:
        UnknownModel: it is none of them, and its step is not known, or that of one of them.
    """
    if not _is_model(folder):
        return None
    step, best = _state(folder)
    if step is not None and step not in below and not best:
        return step
    try:
        own = weights.fingerprint(folder)
    except CheckpointError as error:
        raise UnknownModel(str(error)) from None
    if any(_holds(below[earlier], own) for earlier in sorted(below, reverse=True)):
        return None
    if step is not None and step not in below:
        return step
    said = "no trainer_state.json says its step" if step is None else f"its step is that of {below[step].name}"
    raise UnknownModel(
        f"The model in {folder} is none of the checkpoints below, and {said}: move it into a folder of its own there, "
        "named by its step."
    )


def _is_model(folder: Path) -> bool:
    try:
        return (folder / "config.json").is_file() and bool(weights.files(folder))
    except CheckpointError:
        return False


def _state(folder: Path) -> tuple[int | None, bool]:
    """The step at which training ended, and whether the best checkpoint was kept."""
    try:
        state = json.loads((folder / "trainer_state.json").read_text())
        step = state["global_step"]
        return (step if isinstance(step, int) and step >= 0 else None), bool(state.get("best_model_checkpoint"))
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None, False


def _holds(folder: Path, fingerprint: str) -> bool:
    try:
        return weights.fingerprint(folder) == fingerprint
    except (CheckpointError, OSError):
        return False
