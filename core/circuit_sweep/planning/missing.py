"""Which checkpoints of a model lack a result that a request asks for.

What cannot be computed for reasons that folder and store tell is refused here, before anything is queued.
"""

import sqlite3
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from circuit_core.errors import CheckpointError, UnsupportedModel
from circuit_core.graph import Graph
from circuit_core.models import checkpoints, families, final_model, hub, identity, places, suites, weights
from circuit_core.tasks.specs import TaskSpec
from circuit_store import models, results
from circuit_sweep.planning import hub_models, texts
from circuit_sweep.planning.analyses import Analysis, analyses, repeated
from circuit_sweep.planning.bases import ADDRESS, counted_on
from circuit_sweep.planning.model_sources import describe, folder_of, is_folder, source_of
from circuit_sweep.planning.request import Request

_AT_ONCE = 8
"""Requests to the hub."""


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
    warnings: tuple[str, ...] = ()
    """Of a final model that is not one of its checkpoints, and of what is not computed, a sentence each."""
    left_out: dict[int, hub_models.LeftOut] = field(default_factory=dict)
    """Step -> why a checkpoint of the hub is not worth computing."""
    listed: dict[int, hub_models.Listed] = field(default_factory=dict)
    """Step -> what the hub says of it."""

    def at(self, step: int) -> checkpoints.FoundCheckpoint:
        return next(f for f in self.found if f.step == step)

    def folder(self, step: int) -> Path:
        """Raises: CheckpointError, if it is one of the hub that is not in the local cache."""
        return folder_of(self.model, self.at(step))

    def source(self, step: int, known: dict[str, str]) -> identity.Source | None:
        """What a checkpoint holds, by weights that are known; None if that cannot be said."""
        if places.repository(self.model.source) is None:
            return source_of(self.folder(step), known)
        of = self.listed.get(step)
        if not isinstance(of, hub.HubRevision):
            return None
        files = f"{self.model.source}@{of.commit}"
        return identity.Source(known.get(files, ""), files, of.identity)

    def on_disk(self, step: int) -> int:
        """Bytes of a checkpoint's weights; 0 if there are none."""
        try:
            return sum(file.stat().st_size for file in weights.files(self.folder(step)))
        except (CheckpointError, OSError):
            return 0

    def to_fetch(self, step: int) -> int:
        """Bytes that the hub is to send."""
        of = self.listed.get(step)
        return of.size if isinstance(of, hub.HubRevision) and not places.here(self.model.source, of.revision) else 0

    def check(self, sizes: tuple[int, ...]) -> None:
        """See that circuits of so many edges can be found. A checkpoint that is not supported fails alone.

        Raises:
            ValueError: there are fewer edges.
            UnsupportedModel: no checkpoint is supported; of one of the hub the last that is asked for is looked at.
            HubError: the hub does not give its config.json.
        """
        model = self.model
        if sizes and model.n_layers and model.n_heads:
            edges = Graph(model.n_layers, model.n_heads, bool(model.parallel)).n_edges
            if max(sizes) > edges:
                raise ValueError(f"--sizes {max(sizes)}: {model.name} has {edges} edges; give at most so many.")
        if repository := places.repository(model.source):
            last = self.steps[-1:]
            said = [families.refusal_of(hub_models.small_files(repository, self.at(step).revision)) for step in last]
        else:
            said = [families.refusal_of(self.folder(step)) for step in self.steps]
        if said and said[0] and all(said):
            raise UnsupportedModel(said[0])


def surveys(
    db: sqlite3.Connection | None, names: Iterable[str], schedule: str, request: Request, tasks: list[TaskSpec]
) -> list[Survey]:
    """One of each model; see `survey`. `MODEL@STEP` asks for that step, and may stand several times.

    Raises:
        UnknownName: besides, two folders would go by one name.
        ValueError: besides, one model is asked for by two names at other steps.
    """
    wanted: dict[str, list[str]] = {}
    for given in dict.fromkeys(names):
        address = None if is_folder(given) else ADDRESS.fullmatch(given)
        name, step = (address["model"], address["step"]) if address else (given, schedule)
        wanted.setdefault(name, []).append(step)
    if request.base and len(wanted) > 1:
        raise ValueError(f"--base {request.base} is of one finetune, and {', '.join(wanted)} are several: name one.")
    found: dict[str, Survey] = {}
    for name, steps in wanted.items():
        asked = survey(db, name, ",".join(steps), request, tasks)
        other = found.setdefault(asked.model.name, asked)
        if other.model.source != asked.model.source:
            models.check(db, asked.model, elsewhere=other.model.source)
        if other.steps != asked.steps:
            raise ValueError(f"{other.given} and {name} are one model, asked for at other steps: name it once.")
    return list(found.values())


def survey(db: sqlite3.Connection | None, name: str, schedule: str, request: Request, tasks: list[TaskSpec]) -> Survey:
    """Find which checkpoints of a model lack a result; nothing is written, and there need not be a store.

    Args:
        name: a known model, a model of the store, a folder, or a repository of the hub.
        schedule: see `suites.choose`.
        tasks: those of the request.

    Raises:
        UnknownModel, UnknownName, UnsupportedModel, ValueError: with a sentence for the user.
    """
    model, found = counted_on(db, name, request.base) if request.base else describe(db, name)
    wanted = analyses(request, tasks, texts.asked(db, request, model.name, model.suite))
    held = results.held_keys(db, model.name) if db else {}
    known = models.known_weights(db) if db else {}
    asked = _of_hub(model, found, schedule, request, name)
    if asked is None:
        folders = {f.step - model.base_step: Path(model.source) / f.revision for f in found}
        warnings = [final_model.left_out(Path(model.source), folders)]
        steps = _chosen(model, found, schedule)
        asked = Survey(model, found, steps, given=name, warnings=tuple(filter(None, warnings)))
    asked.check(request.sizes)
    for step in asked.steps:
        source = asked.source(step, known) if held.get(step) else None
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


def _of_hub(
    model: models.Model, found: list[checkpoints.FoundCheckpoint], schedule: str, request: Request, given: str
) -> Survey | None:
    """What the hub says of the checkpoints that are asked for; None if the model is not one of the hub."""
    if (repository := places.repository(model.source)) is None:
        return None
    known = suites.find(repository)
    steps = _chosen(model, found, schedule, known.schedules if known else {})

    def listed_at(at: checkpoints.FoundCheckpoint) -> hub_models.Listed:
        """As the cache has it, or as the hub says."""
        try:
            here = hub.cached(repository, at.revision) is not None
            of = hub.cached_listing(repository, at.revision) if here else hub.listing(repository, at.revision)
            return of.complete()
        except CheckpointError as error:
            return error

    wanted = [f for f in found if f.step in steps]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        listed = dict(zip((at.step for at in wanted), pool.map(listed_at, wanted), strict=True))
    out = hub_models.left_out(repository, listed)
    if request.with_known_bad:
        return Survey(model, found, steps, given=given, left_out=out, listed=listed)
    said = hub_models.said(model.name, out)
    steps = [step for step in steps if step not in out]
    return Survey(model, found, steps, given=given, warnings=tuple(said), left_out=out, listed=listed)


def _chosen(
    model: models.Model,
    found: list[checkpoints.FoundCheckpoint],
    schedule: str,
    own: Mapping[str, tuple[int, ...]] | None = None,
) -> list[int]:
    """See `suites.choose`. Of a finetune a schedule is one of its own steps, and steps are those of its base's axis."""
    before = model.base_step if schedule in suites.SCHEDULES else 0
    return [before + step for step in suites.choose([at.step - before for at in found], schedule, own)]


def note(db: sqlite3.Connection, asked: Survey) -> list[int]:
    """Note the model; returns the ids of the checkpoints for which something is missing."""
    ids = models.add_model(db, asked.model, noted(asked.model, asked.found))
    known = models.known_weights(db)
    for step, source in asked.seen.items():
        models.holds(db, ids[step], source.identity)
        if source.fingerprint and source.files not in known:
            models.weights_seen(db, ids[step], source.files, source.fingerprint)
    for step, why in asked.left_out.items():
        models.set_aside(db, ids[step], why.status, why.detail)
    return [ids[step] for step in asked.missing]


def noted(model: models.Model, found: list[checkpoints.FoundCheckpoint]) -> list[models.CheckpointRecord]:
    """Checkpoints as the store notes them."""
    return [models.CheckpointRecord(f.step, model.tokens(f.step), f.revision) for f in found]
