"""Which checkpoints of a model lack a result that a request asks for."""

import sqlite3
from dataclasses import dataclass, field
from pathlib import Path

from circuit_core import checkpoints, suites
from circuit_core.errors import CheckpointError
from circuit_core.graph import Graph
from circuit_core.sweep import texts
from circuit_core.sweep.request import Job, Request, jobs, repeated
from circuit_core.sweep.sources import describe
from circuit_core.tasks.specs import TaskSpec
from circuit_store import models, results


@dataclass(frozen=True)
class Survey:
    """What a request asks of a model, and what is there already."""

    model: models.Model
    found: list[checkpoints.Found]
    steps: list[int]
    """Those that are asked for."""
    missing: dict[int, list[Job]] = field(default_factory=dict)
    """Step -> what its checkpoint lacks; everything, if its weights cannot be read."""
    again: dict[int, list[Job]] = field(default_factory=dict)
    """Step -> what that rests on without being among it, or there to be looked into: it is found again."""
    held: list[str] = field(default_factory=list)
    """Keys of the results that are there."""

    def folder(self, step: int) -> Path:
        return Path(self.model.source) / next(f.revision for f in self.found if f.step == step)


def survey(db: sqlite3.Connection | None, name: str, schedule: str, request: Request, tasks: list[TaskSpec]) -> Survey:
    """Find which checkpoints of a model lack a result; nothing is written, and there need not be a store.

    Args:
        name: a known model, a model of the store, or a folder.
        schedule: see `suites.choose`.
        tasks: those of the request.

    Raises:
        UnknownModel, UnknownName, ValueError: with a sentence for the user.
    """
    model, found = describe(db, name)
    _check_sizes(model, request)
    wanted = jobs(request, tasks, texts.asked(db, request, model.name, model.suite))
    held = results.held_keys_of(db, model.name) if db else {}
    asked = Survey(model, found, suites.choose([f.step for f in found], schedule))
    for step in asked.steps:
        keys = _keys(f"{model.name}@{step}", asked.folder(step), wanted)
        there = held.get(step, set()).intersection(keys)
        asked.held.extend(there)
        if lacking := [job for key, job in keys.items() if key not in there] if keys else wanted:
            known = _keys(f"{model.name}@{step}", asked.folder(step), [used for job in lacking for used in job.uses])
            looked_into = [job for key, job in known.items() if key in held.get(step, set())]
            asked.missing[step] = lacking
            asked.again[step] = [job for job in repeated(lacking) if job not in looked_into]
    return asked


def note(db: sqlite3.Connection, asked: Survey) -> list[int]:
    """Note the model; returns the ids of the checkpoints for which something is missing."""
    ids = models.add_model(db, asked.model, noted(asked.model, asked.found))
    return [ids[step] for step in asked.missing]


def noted(model: models.Model, found: list[checkpoints.Found]) -> list[models.Checkpoint]:
    """Checkpoints as the store notes them."""
    tokens = model.tokens_per_step
    return [models.Checkpoint(f.step, f.step * tokens if tokens else None, f.revision) for f in found]


def _check_sizes(model: models.Model, request: Request) -> None:
    """Raises: ValueError, if a circuit of more edges than there are is asked for."""
    if request.sizes and model.n_layers and model.n_heads:
        edges = Graph(model.n_layers, model.n_heads, bool(model.parallel)).n_edges
        if max(request.sizes) > edges:
            raise ValueError(f"--sizes {max(request.sizes)}: {model.name} has {edges} edges; give at most so many.")


def _keys(address: str, folder: Path, wanted: list[Job]) -> dict[str, Job]:
    """None if the weights cannot be read."""
    try:
        identity = checkpoints.identity(folder)
    except (CheckpointError, OSError):
        return {}
    return {job.key(address, identity): job for job in wanted}
