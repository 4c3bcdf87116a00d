"""What a request asks for: analyses of checkpoints, each under a key. Light: nothing here loads a model.

A key is made of the address (`MODEL@STEP`), the source (path, size and time of each weight file), the task's hash and
`prepend_bos`, the analysis and its parameters, the dtype, and the version of the analysis. Results under an equal key
are not computed again; one folder under two names is two models with results of their own.
"""

import hashlib
import json
import sqlite3
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from circuit_core import checkpoints, suites
from circuit_core.errors import CheckpointError, UnknownModel
from circuit_core.tasks.specs import TaskSpec, spec
from circuit_store import requests, results

ANALYSES = ("behaviour", "circuit", "heads")
ROLES = ("induction", "duplicate_token", "previous_token", "name_mover")
VERSIONS = {"behaviour": 1, "circuit": 1, "heads": 1}
"""Raised when an analysis gives other numbers for the same parameters."""


@dataclass(frozen=True)
class Request:
    """What to compute for each checkpoint."""

    tasks: tuple[str, ...] = ("ioi",)
    analyses: tuple[str, ...] = ANALYSES
    ig_steps: int = 5
    ig_rule: str = "paper"
    selector: str = "greedy"
    search: str = "grid"
    threshold: float = 0.8
    dtype: str = "float32"
    device: str = "auto"
    """`auto` takes a GPU if there is one; not part of a result's key."""

    @staticmethod
    def read(data: dict[str, Any]) -> "Request":
        """From a run's record in the store."""
        fields: dict[str, Any] = {k: v for k, v in data.items() if k in Request.__annotations__}
        fields |= {k: tuple(v) for k, v in fields.items() if isinstance(v, list)}
        return Request(**fields)


@dataclass(frozen=True)
class Job:
    """One analysis of one checkpoint: one result in the store."""

    analysis: str
    params: dict[str, Any]
    task: TaskSpec | None = None
    role: str | None = None
    dtype: str = "float32"

    def key(self, address: str, identity: str) -> str:
        task = [self.task.hash, self.task.prepend_bos] if self.task else None
        parts = [address, identity, task, self.analysis, self.role, self.params, self.dtype, VERSIONS[self.analysis]]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    @property
    def title(self) -> str:
        return " ".join(filter(None, (self.analysis, self.role, self.task.name if self.task else None)))


def jobs(request: Request) -> list[Job]:
    """Everything a request asks of one checkpoint, cheap and telling results first. Raises: TaskError."""
    tasks = [spec(name) for name in request.tasks]
    circuit = {
        "method": "eap-ig",
        **{k: getattr(request, k) for k in ("ig_steps", "ig_rule", "selector", "search", "threshold")},
    }
    wanted = {
        "behaviour": [Job("behaviour", {}, task, dtype=request.dtype) for task in tasks],
        "heads": [_head_job(role, request.dtype) for role in ROLES],
        "circuit": [Job("circuit", circuit, task, dtype=request.dtype) for task in tasks],
    }
    return [job for analysis, some in wanted.items() if analysis in request.analyses for job in some]


def _head_job(role: str, dtype: str) -> Job:
    if role == "name_mover":
        return Job("heads", {"top": 5}, spec("ioi"), role, dtype)
    return Job("heads", {"rows": 16, "seed": 0}, None, role, dtype)


@dataclass
class Planned:
    """A model's checkpoints in the store, and those for which something is missing."""

    model: str
    total: int
    missing: list[int] = field(default_factory=list)
    """Ids of checkpoints."""


def plan(db: sqlite3.Connection, name: str, schedule: str, request: Request) -> Planned:
    """Note the model and find which of its checkpoints lack a result.

    Args:
        name: a known model, a model of the store, or a folder.
        schedule: see `suites.choose`.

    Raises:
        UnknownModel, UnknownName, TaskError, ValueError: with a sentence for the user.
    """
    model, found = describe(db, name)
    tokens = model.tokens_per_step
    noted = [requests.Checkpoint(f.step, f.step * tokens if tokens else None, f.revision) for f in found]
    steps = suites.choose([f.step for f in found], schedule)
    wanted = jobs(request)
    ids = requests.add_model(db, model, noted)
    revisions = {f.step: f.revision for f in found}
    planned = Planned(model.name, len(steps))
    for step in steps:
        keys = _keys(f"{model.name}@{step}", Path(model.source) / revisions[step], wanted)
        if not keys or not keys <= results.held_keys(db, ids[step]):
            planned.missing.append(ids[step])
    return planned


def _keys(address: str, folder: Path, wanted: list[Job]) -> set[str]:
    try:
        identity = checkpoints.identity(folder)
    except (CheckpointError, OSError):
        return set()
    return {job.key(address, identity) for job in wanted}


def describe(db: sqlite3.Connection, name: str) -> tuple[requests.Model, list[checkpoints.Found]]:
    """A model and its checkpoints, from its name or folder. Raises: UnknownModel."""
    known = suites.known_models()
    if name not in known and requests.held_model(db, name) is None:
        folder = _folder(db, name)
        sources = {k.source.resolve(): k.name for k in known.values()}
        name = sources.get(folder) or requests.model_at(db, str(folder)) or ""
        if not name:
            own = (folder.parent.name if folder.name == "model" else "") or folder.name
            if own in known:
                raise UnknownModel(f"The name {own} is the sample suite's: `circuit-tui models add NAME {folder}`.")
            return model_of(own, folder, "folder")
    if name in known:
        return model_of(name, known[name].source, known[name].suite, known[name].tokens_per_step)
    held = requests.held_model(db, name)
    assert held is not None
    return model_of(held.name, Path(held.source), held.suite, held.tokens_per_step, held.pattern)


def _folder(db: sqlite3.Connection, name: str) -> Path:
    try:
        return Path(name).expanduser().resolve(strict=True)
    except (OSError, RuntimeError):
        names = ", ".join([*suites.known_models(), *_held_names(db)])
        hint = "choose its steps with --checkpoints; " if "@" in name else ""
        raise UnknownModel(
            f"There is no model or folder {name}: {hint}give a folder of checkpoints, or one of {names}."
        ) from None


def _held_names(db: sqlite3.Connection) -> list[str]:
    names = [row[0] for row in db.execute("SELECT name FROM model ORDER BY name")]
    return [n for n in names if n not in suites.known_models()]


def model_of(
    name: str, folder: Path, suite: str, tokens_per_step: int | None = None, pattern: str | None = None
) -> tuple[requests.Model, list[checkpoints.Found]]:
    """Describe a folder as a model; its sizes are those of the first readable checkpoint. Raises: UnknownModel."""
    found = checkpoints.discover(folder, pattern)
    sizes: dict[str, Any] = dict.fromkeys(checkpoints.Shape.__annotations__)
    for f in found:
        try:
            sizes = asdict(checkpoints.shape(folder / f.revision))
            break
        except (CheckpointError, OSError):
            continue
    model = requests.Model(name, suite, str(folder), pattern, tokens_per_step, **sizes)
    return model, found
