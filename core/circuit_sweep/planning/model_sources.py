"""What a name on the command line stands for: a known model, one of the store, a folder, or a repository of the hub."""

import sqlite3
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from circuit_core.errors import CheckpointError, UnknownModel
from circuit_core.models import checkpoints, identity, places, suites
from circuit_store import models, queries, results
from circuit_sweep.planning import gguf_folders, hub_models

_NOTHING = models.Told()


def tokenizer_folder(db: sqlite3.Connection | None, name: str) -> Path:
    """The last checkpoint of a model, or of `MODEL@STEP`, for its tokenizer. Raises: UnknownModel, HubError."""
    model, found = describe(db, name.partition("@")[0])
    repository = places.repository(model.source)
    return hub_models.small_files(repository or "", found[-1].revision) if repository else folder_of(model, found[-1])


def folder_of(model: models.Model, at: checkpoints.FoundCheckpoint) -> Path:
    """Raises: CheckpointError, if it is one of the hub that is not in the local cache."""
    return places.folder(model.source, at.revision)


def describe(db: sqlite3.Connection | None, name: str) -> tuple[models.Model, list[checkpoints.FoundCheckpoint]]:
    """A model and its checkpoints, from its name, folder or repository; without a store only known ones have names.

    A folder goes by its own name, or by that of the model which it holds a copy of; while that lies where it did, it is
    the original that is computed, for copies are made to be changed.

    Raises:
        UnknownModel: none of these, or a folder whose own name is the sample suite's.
        HubError: the hub does not answer, or has no such repository.
        UnknownName: a folder whose own name stands for another one.
    """
    known, held = suites.known_models(), models.held_models(db) if db else {}
    if name not in known and name not in held:
        if (repository := hub_models.repository_of(name)) and not is_folder(name):
            return _of_hub(db, repository)
        if not is_folder(name):
            names = ", ".join([*known, *(other for other in sorted(held) if other not in known)])
            raise UnknownModel(
                f"There is no model or folder {name}: give a folder of checkpoints, ORG/NAME on the hub, or one of "
                f"{names}; `circuit-tui models --all` lists the suites on the hub."
            )
        folder = gguf_folders.converted(place(Path(name)))
        copies = {k.folder.resolve(): k.name for k in known.values()}
        by_source = {model.source: model.name for model in reversed(held.values())}
        name = copies.get(folder.resolve()) or by_source.get(str(folder)) or ""
        if not name:
            return _new(db, folder)
    if name in known:
        return model_of(name, known[name].folder, known[name].suite, hub_models.told_of(known[name]))
    model = held[name]
    if repository := places.repository(model.source):
        return hub_models.describe(repository, model.name, model.told)
    return model_of(model.name, Path(model.source), model.suite, model.told)


def is_folder(name: str) -> bool:
    """Whether something lies there."""
    try:
        return place(Path(name)).exists()
    except (OSError, RuntimeError):
        return False


def _of_hub(db: sqlite3.Connection | None, repository: str) -> tuple[models.Model, list[checkpoints.FoundCheckpoint]]:
    """A repository under the store's name for it, or its own. Raises: HubError, UnknownModel, UnknownName."""
    source = places.HUB + repository
    held = next((m for m in models.held_models(db).values() if m.source == source), None) if db else None
    if held:
        return hub_models.describe(repository, held.name, held.told)
    model, found = hub_models.describe(repository)
    models.check(db, model)
    return model, found


def _new(db: sqlite3.Connection | None, folder: Path) -> tuple[models.Model, list[checkpoints.FoundCheckpoint]]:
    """A folder that no name stands for. Raises: UnknownModel, UnknownName."""
    own = (folder.parent.name if folder.name == "model" else "") or folder.name
    model, found = model_of(own, folder, "folder")
    if held := copied(db, model, found):
        found = checkpoints.counted_on(found, held.base_step - model.base_step)
        try:
            original, there = describe(db, held.name)
        except UnknownModel:  # it has moved here
            return replace(held, source=model.source), found
        if copied(db, original, there) and {f.step for f in there} == {f.step for f in found}:
            return original, there
    if own in suites.known_models():
        raise UnknownModel(f"The name {own} is the sample suite's: `circuit-tui models add NAME {folder}`.")
    models.check(db, model)
    return model, found


def copied(
    db: sqlite3.Connection | None, model: models.Model, found: list[checkpoints.FoundCheckpoint]
) -> models.Model | None:
    """The model of the store whose folder was copied or moved to that of this one.

    It has every checkpoint that the store knows of that model, and all that results were computed from are the same.
    """
    if db is None:
        return None
    known = models.known_weights(db)
    for held in models.held_models(db).values():
        on = held.base_step - model.base_step
        folders = {f.step + on: Path(model.source) / f.revision for f in found}
        computed_from = results.identities(db, held.name) if held.shape == model.shape else {}
        if computed_from and {c.step for c in queries.checkpoints(db, held.name)} <= folders.keys():
            there = {step: source_of(folders[step], known) for step in computed_from}
            if all(source and source.identity == computed_from[step] for step, source in there.items()):
                return held
    return None


def source_of(folder: Path, known: dict[str, str]) -> identity.Source | None:
    """What a checkpoint's folder holds, by weights that are known; None if it cannot be read."""
    try:
        return identity.source(folder, known)
    except (CheckpointError, OSError):
        return None


def place(folder: Path) -> Path:
    """Where a folder lies, whole; a link keeps its own name, which says more than that of a snapshot behind it.

    Raises: OSError, RuntimeError.
    """
    folder = folder.expanduser()
    named = folder.name not in ("", "..")
    return folder.parent.resolve(strict=True) / folder.name if named else folder.resolve(strict=True)


def model_of(
    name: str, folder: Path, suite: str, told: models.Told = _NOTHING
) -> tuple[models.Model, list[checkpoints.FoundCheckpoint]]:
    """Describe a folder as a model; its sizes are those of the first readable checkpoint. Raises: UnknownModel."""
    found = checkpoints.discover(folder, told.pattern)
    sizes: dict[str, Any] = dict.fromkeys(checkpoints.Shape.__annotations__)
    for f in found:
        try:
            sizes = asdict(checkpoints.shape(folder / f.revision))
            break
        except (CheckpointError, OSError):
            continue
    model = models.Model(name, suite, str(folder), **vars(told), **sizes)
    return model, checkpoints.counted_on(found, told.base_step)
