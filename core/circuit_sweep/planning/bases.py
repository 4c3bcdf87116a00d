"""A finetune's steps and tokens count on from the checkpoint that it began from, so that both stand on one axis."""

import re
import sqlite3
from dataclasses import replace

from circuit_core.models import checkpoints, suites
from circuit_store import models, queries
from circuit_sweep.planning import hub_models
from circuit_sweep.planning.model_sources import describe

ADDRESS = re.compile(r"(?P<model>.+)@(?P<step>\d+|final)")


def counted_on(
    db: sqlite3.Connection | None, name: str, base: str
) -> tuple[models.Model, list[checkpoints.FoundCheckpoint]]:
    """A finetune and its checkpoints (see `describe`), with steps that count on from its base's.

    Raises:
        ValueError: besides, the base is no checkpoint that is known, or the model is no finetune of it.
        UnknownName: besides, the store has the model's checkpoints at other steps.
    """
    told = base_of(db, base)
    model, found = describe(db, name)
    if suites.find(model.name) or f"{model.name}@{told.base_step}" == told.base:
        raise ValueError(f"--base {base}: {model.name} has steps of its own; name the finetune.")
    found = checkpoints.counted_on(found, told.base_step - model.base_step)
    model = replace(model, base=told.base, base_tokens=told.base_tokens)
    models.check(db, model)
    return model, found


def base_of(db: sqlite3.Connection | None, base: str) -> models.Told:
    """What a finetune begins with: the checkpoint `MODEL@STEP`, and the tokens seen until then.

    Nothing is fetched or read for it if the store knows the model, or a suite all of its steps.

    Raises: ValueError, UnknownModel, HubError.
    """
    if not (address := ADDRESS.fullmatch(base)):
        raise ValueError(f"--base {base}: give the checkpoint that training began from, such as pythia-160m@143000.")
    known = suites.find(address["model"])
    name = known.name if known else address["model"]
    if db and name in models.held_models(db):
        tokens = {row.step: row.tokens for row in queries.checkpoints(db, name)}
    elif known and known.steps:
        told = hub_models.told_of(known)
        tokens = {step: told.tokens(step) for step in known.steps}
    else:
        model, found = describe(db, name)
        name, tokens = model.name, {at.step: model.tokens(at.step) for at in found}
    try:
        (step,) = suites.choose(sorted(tokens), address["step"])
    except ValueError as error:
        raise ValueError(f"--base {base}: {error}") from None
    return models.Told(base=f"{name}@{step}", base_tokens=tokens[step])
