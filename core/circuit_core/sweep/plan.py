"""Which checkpoints of a model lack a result that a request asks for."""

import sqlite3
from dataclasses import dataclass, field
from pathlib import Path

from circuit_core import checkpoints, suites
from circuit_core.errors import CheckpointError
from circuit_core.graph import Graph
from circuit_core.sweep import texts
from circuit_core.sweep.request import Job, Request, jobs
from circuit_core.sweep.sources import describe
from circuit_core.tasks.specs import TaskSpec
from circuit_store import models, results


@dataclass
class Planned:
    """A model's checkpoints, and the steps of those for which something is missing."""

    of: models.Model
    checkpoints: list[models.Checkpoint]
    """All that there are."""
    total: int
    """How many were asked for."""
    missing: list[int] = field(default_factory=list)

    @property
    def model(self) -> str:
        return self.of.name


def plan(db: sqlite3.Connection, name: str, schedule: str, request: Request, tasks: list[TaskSpec]) -> Planned:
    """Find which checkpoints of a model lack a result; writes nothing.

    Args:
        name: a known model, a model of the store, or a folder.
        schedule: see `suites.choose`.
        tasks: those of the request.

    Raises:
        UnknownModel, UnknownName, ValueError: with a sentence for the user.
    """
    model, found = describe(db, name)
    _check_sizes(model, request)
    steps = suites.choose([f.step for f in found], schedule)
    wanted = jobs(request, tasks, texts.asked(request, model.suite))
    revisions = {f.step: f.revision for f in found}
    planned = Planned(model, noted(model, found), len(steps))
    ids = models.held_checkpoints(db, model.name)
    for step in steps:
        keys = _keys(f"{model.name}@{step}", Path(model.source) / revisions[step], wanted)
        if not keys or step not in ids or not keys <= results.held_keys(db, ids[step]):
            planned.missing.append(step)
    return planned


def noted(model: models.Model, found: list[checkpoints.Found]) -> list[models.Checkpoint]:
    """Checkpoints as the store notes them."""
    tokens = model.tokens_per_step
    return [models.Checkpoint(f.step, f.step * tokens if tokens else None, f.revision) for f in found]


def note(db: sqlite3.Connection, planned: Planned) -> list[int]:
    """Note the model; returns the ids of the checkpoints for which something is missing."""
    ids = models.add_model(db, planned.of, planned.checkpoints)
    return [ids[step] for step in planned.missing]


def _check_sizes(model: models.Model, request: Request) -> None:
    """Raises: ValueError, if a circuit of more edges than there are is asked for."""
    if request.sizes and model.n_layers and model.n_heads:
        edges = Graph(model.n_layers, model.n_heads, bool(model.parallel)).n_edges
        if max(request.sizes) > edges:
            raise ValueError(f"--sizes {max(request.sizes)}: {model.name} has {edges} edges; give at most so many.")


def _keys(address: str, folder: Path, wanted: list[Job]) -> set[str]:
    try:
        identity = checkpoints.identity(folder)
    except (CheckpointError, OSError):
        return set()
    return {job.key(address, identity) for job in wanted}
