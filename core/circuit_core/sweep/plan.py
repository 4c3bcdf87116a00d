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
from circuit_core.sweep.task_names import specs
from circuit_store import models, results


@dataclass
class Planned:
    """A model's checkpoints in the store, and those for which something is missing."""

    model: str
    total: int
    missing: list[int] = field(default_factory=list)
    """Ids of checkpoints."""
    held: list[str] = field(default_factory=list)
    """Keys of the results that are there."""


def plan(db: sqlite3.Connection, name: str, schedule: str, request: Request) -> Planned:
    """Note the model and find which of its checkpoints lack a result.

    Args:
        name: a known model, a model of the store, or a folder.
        schedule: see `suites.choose`.

    Raises:
        UnknownModel, UnknownName, TaskError, ValueError: with a sentence for the user.
    """
    model, found = describe(db, name)
    _check_sizes(model, request)
    tokens = model.tokens_per_step
    noted = [models.Checkpoint(f.step, f.step * tokens if tokens else None, f.revision) for f in found]
    steps = suites.choose([f.step for f in found], schedule)
    wanted = jobs(request, specs(db, request), texts.chosen(db, request, model.suite))
    ids = models.add_model(db, model, noted)
    revisions = {f.step: f.revision for f in found}
    planned = Planned(model.name, len(steps))
    for step in steps:
        keys = _keys(f"{model.name}@{step}", Path(model.source) / revisions[step], wanted)
        held = keys & results.held_keys(db, ids[step])
        planned.held += held
        if not keys or held != keys:
            planned.missing.append(ids[step])
    return planned


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
