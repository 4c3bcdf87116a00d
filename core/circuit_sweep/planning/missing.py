"""Which checkpoints of a model lack a result that a request asks for.

What cannot be computed for reasons that folder and store tell is refused here, before anything is queued.
"""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from circuit_core.errors import CheckpointError, UnsupportedModel
from circuit_core.graph import Graph
from circuit_core.models import checkpoints, families, final_model, identity, suites, weights
from circuit_core.tasks.specs import TaskSpec
from circuit_store import models, results
from circuit_sweep.planning import texts
from circuit_sweep.planning.analyses import Analysis, analyses, repeated
from circuit_sweep.planning.model_sources import describe, source_of
from circuit_sweep.planning.request import Request


@dataclass(frozen=True)
class Survey:
    """What a request asks of a model, and what is there already."""

    model: models.Model
    found: list[checkpoints.FoundCheckpoint]
    steps: list[int]
    """Those that are asked for."""
    missing: dict[int, list[Analysis]] = field(default_factory=dict)
    """Step -> what its checkpoint lacks; everything, if its weights cannot be read."""
    again: dict[int, list[Analysis]] = field(default_factory=dict)
    """Step -> what that rests on without being among it, or there to be looked into: it is found again."""
    held: list[str] = field(default_factory=list)
    """Keys of the results that are there."""
    seen: dict[int, identity.Source] = field(default_factory=dict)
    """Step -> what its folder holds, where the store has results of it."""
    given: str = ""
    """What the user called the model."""
    left_out: str | None = None
    """What to say of a final model that is not one of its checkpoints."""

    def folder(self, step: int) -> Path:
        return Path(self.model.source) / next(f.revision for f in self.found if f.step == step)

    def on_disk(self, step: int) -> int:
        """Bytes of a checkpoint's weights; 0 if there are none."""
        try:
            return sum(file.stat().st_size for file in weights.files(self.folder(step)))
        except (CheckpointError, OSError):
            return 0

    def check(self, sizes: tuple[int, ...]) -> None:
        """See that circuits of so many edges can be found. A checkpoint that is not supported fails alone.

        Raises:
            ValueError: there are fewer edges.
            UnsupportedModel: no checkpoint is supported.
        """
        model = self.model
        if sizes and model.n_layers and model.n_heads:
            edges = Graph(model.n_layers, model.n_heads, bool(model.parallel)).n_edges
            if max(sizes) > edges:
                raise ValueError(f"--sizes {max(sizes)}: {model.name} has {edges} edges; give at most so many.")
        said = [families.refusal_of(self.folder(step)) for step in self.steps]
        if said[0] and all(said):
            raise UnsupportedModel(said[0])


def surveys(
    db: sqlite3.Connection | None, names: Iterable[str], schedule: str, request: Request, tasks: list[TaskSpec]
) -> list[Survey]:
    """One of each model; see `survey`. Raises: UnknownName, besides, if two folders would go by one name."""
    found: dict[str, Survey] = {}
    for name in dict.fromkeys(names):
        asked = survey(db, name, schedule, request, tasks)
        other = found.setdefault(asked.model.name, asked)
        if other.model.source != asked.model.source:
            models.check(db, asked.model, elsewhere=other.model.source)
    return list(found.values())


def survey(db: sqlite3.Connection | None, name: str, schedule: str, request: Request, tasks: list[TaskSpec]) -> Survey:
    """Find which checkpoints of a model lack a result; nothing is written, and there need not be a store.

    Args:
        name: a known model, a model of the store, or a folder.
        schedule: see `suites.choose`.
        tasks: those of the request.

    Raises:
        UnknownModel, UnknownName, UnsupportedModel, ValueError: with a sentence for the user.
    """
    model, found = describe(db, name)
    wanted = analyses(request, tasks, texts.asked(db, request, model.name, model.suite))
    held = results.held_keys(db, model.name) if db else {}
    known = models.known_weights(db) if db else {}
    left_out = final_model.left_out(Path(model.source), {f.step: Path(model.source) / f.revision for f in found})
    asked = Survey(model, found, suites.choose([f.step for f in found], schedule), given=name, left_out=left_out)
    asked.check(request.sizes)
    for step in asked.steps:
        source = source_of(asked.folder(step), known) if held.get(step) else None
        if source is None:
            asked.missing[step], asked.again[step] = wanted, repeated(wanted)
            continue
        asked.seen[step] = source

        def there(analysis: Analysis, step: int = step, source: identity.Source = source) -> bool:
            return analysis.key(f"{model.name}@{step}", source.identity) in held[step]

        asked.held.extend(
            analysis.key(f"{model.name}@{step}", source.identity) for analysis in wanted if there(analysis)
        )
        if lacking := [analysis for analysis in wanted if not there(analysis)]:
            looked_into = [used for analysis in lacking for used in analysis.uses if there(used)]
            asked.missing[step] = lacking
            asked.again[step] = [analysis for analysis in repeated(lacking) if analysis not in looked_into]
    return asked


def note(db: sqlite3.Connection, asked: Survey) -> list[int]:
    """Note the model; returns the ids of the checkpoints for which something is missing."""
    ids = models.add_model(db, asked.model, noted(asked.model, asked.found))
    known = models.known_weights(db)
    for step, source in asked.seen.items():
        models.holds(db, ids[step], source.identity)
        if source.files not in known:
            models.weights_seen(db, ids[step], source.files, source.fingerprint)
    return [ids[step] for step in asked.missing]


def noted(model: models.Model, found: list[checkpoints.FoundCheckpoint]) -> list[models.CheckpointRecord]:
    """Checkpoints as the store notes them."""
    tokens = model.tokens_per_step
    return [models.CheckpointRecord(f.step, f.step * tokens if tokens else None, f.revision) for f in found]
