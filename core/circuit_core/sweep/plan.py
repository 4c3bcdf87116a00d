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
from circuit_core.sweep.task_names import known
from circuit_store import models, results


@dataclass(frozen=True)
class Survey:
    """What a request asks of a model, and what is there already."""

    model: models.Model
    found: list[checkpoints.Found]
    steps: list[int]
    """Those that are asked for."""
    missing: dict[int, list[Job]]
    """Step -> what its checkpoint lacks; everything, if its weights cannot be read."""

    def folder(self, step: int) -> Path:
        return Path(self.model.source) / next(f.revision for f in self.found if f.step == step)


@dataclass
class Planned:
    """A model's checkpoints in the store, and those for which something is missing."""

    model: str
    total: int
    missing: list[int] = field(default_factory=list)
    """Ids of checkpoints."""


def survey(db: sqlite3.Connection | None, name: str, schedule: str, request: Request) -> Survey:
    """Find what is missing; nothing is written, and there need not be a store.

    Args:
        name: a known model, a model of the store, or a folder.
        schedule: see `suites.choose`.

    Raises:
        UnknownModel, UnknownName, TaskError, ValueError: with a sentence for the user.
    """
    model, found = describe(db, name)
    _check_sizes(model, request)
    steps = suites.choose([f.step for f in found], schedule)
    wanted = jobs(request, known(db, request), texts.named(request, model.suite))
    held = results.held_keys_of(db, model.name) if db else {}
    asked = Survey(model, found, steps, {})
    for step in steps:
        address = f"{model.name}@{step}"
        if lacking := _lacking(address, asked.folder(step), wanted, held.get(step, set())):
            asked.missing[step] = lacking
    return asked


def _lacking(address: str, folder: Path, wanted: list[Job], held: set[str]) -> list[Job]:
    try:
        identity = checkpoints.identity(folder)
    except (CheckpointError, OSError):
        return wanted
    return [job for job in wanted if job.key(address, identity) not in held]


def plan(db: sqlite3.Connection, name: str, schedule: str, request: Request) -> Planned:
    """Note the model and find which of its checkpoints lack a result. Arguments and errors are those of `survey`."""
    asked = survey(db, name, schedule, request)
    tokens = asked.model.tokens_per_step
    noted = [models.Checkpoint(f.step, f.step * tokens if tokens else None, f.revision) for f in asked.found]
    ids = models.add_model(db, asked.model, noted)
    return Planned(asked.model.name, len(asked.steps), [ids[step] for step in asked.missing])


def _check_sizes(model: models.Model, request: Request) -> None:
    """Raises: ValueError, if a circuit of more edges than there are is asked for."""
    if request.sizes and model.n_layers and model.n_heads:
        edges = Graph(model.n_layers, model.n_heads, bool(model.parallel)).n_edges
        if max(request.sizes) > edges:
            raise ValueError(f"--sizes {max(request.sizes)}: {model.name} has {edges} edges; give at most so many.")
