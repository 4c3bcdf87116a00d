"""What a name on the command line stands for: a known model, a model of the store, or a folder of checkpoints."""

import sqlite3
from dataclasses import asdict
from pathlib import Path
from typing import Any

from circuit_core import checkpoints, suites
from circuit_core.errors import CheckpointError, UnknownModel
from circuit_store import models


def tokenizer_folder(db: sqlite3.Connection | None, name: str) -> Path:
    """The last checkpoint of a model, or of `MODEL@STEP`, for its tokenizer. Raises: UnknownModel."""
    model, found = describe(db, name.partition("@")[0])
    return Path(model.source) / found[-1].revision


def describe(db: sqlite3.Connection | None, name: str) -> tuple[models.Model, list[checkpoints.Found]]:
    """A model and its checkpoints, from its name or folder; without a store only known ones have names.

    Raises:
        UnknownModel: neither, or a folder whose own name is the sample suite's.
    """
    known = suites.known_models()
    if name not in known and _held(db, name) is None:
        folder = _folder(db, name)
        own = (folder.parent.name if folder.name == "model" else "") or folder.name
        sources = {k.source.resolve(): k.name for k in known.values()}
        name = sources.get(folder) or (models.model_at(db, str(folder)) if db else None) or ""
        if not name and own in known:
            raise UnknownModel(f"The name {own} is the sample suite's: `circuit-tui models add NAME {folder}`.")
        if not name:
            return model_of(own, folder, "folder")
    if name in known:
        return model_of(name, known[name].source, known[name].suite, known[name].tokens_per_step)
    held = _held(db, name)
    assert held is not None
    return model_of(held.name, Path(held.source), held.suite, held.tokens_per_step, held.pattern)


def _held(db: sqlite3.Connection | None, name: str) -> models.Model | None:
    return models.held_model(db, name) if db else None


def _folder(db: sqlite3.Connection | None, name: str) -> Path:
    try:
        return Path(name).expanduser().resolve(strict=True)
    except (OSError, RuntimeError):
        names = ", ".join([*suites.known_models(), *_held_names(db)])
        hint = "choose its steps with --checkpoints; " if "@" in name else ""
        raise UnknownModel(
            f"There is no model or folder {name}: {hint}give a folder of checkpoints, or one of {names}."
        ) from None


def _held_names(db: sqlite3.Connection | None) -> list[str]:
    names = [row[0] for row in db.execute("SELECT name FROM model ORDER BY name")] if db else []
    return [n for n in names if n not in suites.known_models()]


def model_of(
    name: str, folder: Path, suite: str, tokens_per_step: int | None = None, pattern: str | None = None
) -> tuple[models.Model, list[checkpoints.Found]]:
    """Describe a folder as a model; its sizes are those of the first readable checkpoint. Raises: UnknownModel."""
    found = checkpoints.discover(folder, pattern)
    sizes: dict[str, Any] = dict.fromkeys(checkpoints.Shape.__annotations__)
    for f in found:
        try:
            sizes = asdict(checkpoints.shape(folder / f.revision))
            break
        except (CheckpointError, OSError):
            continue
    model = models.Model(name, suite, str(folder), pattern, tokens_per_step, **sizes)
    return model, found
