"""Every question that a pane or a printed view asks of a store, one function each.

All read through the standard library's sqlite3, return plain rows or lists, and compute nothing. What takes several
statements reads one state of the store: results come and are replaced while one looks on.
"""

import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from circuit_store.addresses import CHOICES, check_model
from circuit_store.errors import UnknownName
from circuit_store.store import snapshot
from circuit_store.views import VIEWS, View
from circuit_store.views.circuits import STORED
from circuit_store.views.view import AT, NEWEST, answer

P = ParamSpec("P")
T = TypeVar("T")
Question = Callable[Concatenate[sqlite3.Connection, P], T]


def _at_once(ask: Question[P, T]) -> Question[P, T]:
    """All statements of a question see the same store."""

    @wraps(ask)
    def asked(db: sqlite3.Connection, *args: P.args, **kwargs: P.kwargs) -> T:
        with snapshot(db):
            return ask(db, *args, **kwargs)

    return asked


def view(name: str) -> View:
    """Raises: UnknownName."""
    if name not in VIEWS:
        raise UnknownName(f"There is no view {name}: choose one of {', '.join(VIEWS)}.")
    return VIEWS[name]


def takes(which: View, column: str) -> None:
    """Raises: UnknownName, if the view is not addressed by that column."""
    if column not in which.filters:
        raise UnknownName(f"The view {which.name} is not addressed by {column}: it takes {', '.join(which.filters)}.")


_OF_MODEL = (
    "checkpoint_id IN (SELECT checkpoint.id FROM checkpoint JOIN model ON model.id = model_id WHERE model.name = ?)"
)


def rows(
    db: sqlite3.Connection, which: View, filters: dict[str, Any] | None = None, choices: dict[str, Any] | None = None
) -> list[dict[str, Any]]:
    """The rows of a view, filtered by equality (None: empty); the columns in the view's order.

    Where no result answers, a choice is a filter like others.

    Raises:
        UnknownName: a choice that means nothing to this view.
    """
    filters, choices = filters or {}, {k: v for k, v in (choices or {}).items() if v is not None}
    if not which.answers:
        for choice in choices:
            takes(which, choice)
        filters, choices = filters | choices, {}
    narrow = [CHOICES[c] for c in choices]
    narrowed = list(choices.values())
    if "model" in filters:
        narrow.append(_OF_MODEL)
        narrowed.append(filters["model"])
    where = " AND ".join(f"{column} {'IS' if value is None else '='} ?" for column, value in filters.items())
    found = db.execute(which.statement(" AND ".join(narrow), where), (*narrowed, *filters.values()))
    return [dict(row) for row in found]


@dataclass(frozen=True)
class CheckpointRow:
    step: int
    tokens: int | None
    status: str | None
    detail: str | None
    computed: bool


@_at_once
def checkpoints(db: sqlite3.Connection, model: str) -> list[CheckpointRow]:
    """The checkpoints of a model by step. Raises: UnknownName."""
    check_model(db, model)
    computed = {
        row[0]
        for row in db.execute(
            "SELECT DISTINCT step FROM result JOIN checkpoint ON checkpoint.id = checkpoint_id"
            " JOIN model ON model.id = model_id WHERE model.name = ?",
            (model,),
        )
    }
    found = rows(db, VIEWS["checkpoints"], {"model": model})
    return [CheckpointRow(r["step"], r["tokens"], r["status"], r["detail"], r["step"] in computed) for r in found]


def roles(db: sqlite3.Connection, model: str | None = None) -> list[str]:
    """Roles with results, of one model or of any, in the order in which they were first computed."""
    return _distinct(db, "role", "analysis = 'heads'", model)


def tasks(db: sqlite3.Connection, model: str | None = None) -> list[str]:
    """Tasks with results, likewise."""
    return _distinct(db, "task.name", "analysis IN ('behaviour', 'circuit', 'patch')", model)


def all_tasks(db: sqlite3.Connection, model: str | None = None) -> list[str]:
    """Tasks with results of any kind, likewise."""
    return _distinct(db, "task.name", "TRUE", model)


def scored(db: sqlite3.Connection, model: str) -> list[tuple[str, str | None]]:
    """Each role of a model with each task on which it is scored; None for roles that need no task."""
    found = db.execute(f"SELECT role, task.name, min(result.id) {_OF_HEADS} GROUP BY 1, 2 ORDER BY 3", {"model": model})
    return [(role, task) for role, task, _ in found]


_OF_HEADS = (
    "FROM result JOIN checkpoint ON checkpoint.id = checkpoint_id JOIN model ON model.id = model_id"
    " LEFT JOIN task ON task.id = task_id"
    " WHERE analysis = 'heads' AND model.name = :model"
)


@dataclass(frozen=True)
class RoleSet:
    """What the scores of a role that answer have in common."""

    task: str | None
    """Task whose prompts were used; None if none were."""
    preset: str | None
    text: str | None
    """Hash of the text that was used, if one was."""
    dtype: str


def role_set(db: sqlite3.Connection, model: str, role: str, task: str | None = None) -> RoleSet | None:
    """Of the scores that answer for a role: on that task if it is scored there, else on that asked for last.

    None if the model has no such role.
    """
    row = db.execute(
        "SELECT task.name AS task, json_extract(result.params, '$.preset') AS preset,"
        f" json_extract(result.params, '$.text') AS text, dtype {_OF_HEADS} AND role = :role"
        f" ORDER BY task.name IS :task DESC, {NEWEST} LIMIT 1",
        {"model": model, "role": role, "task": task},
    ).fetchone()
    return row and RoleSet(**row)


def shown_tasks(db: sqlite3.Connection, model: str, task: str | None) -> dict[str, str | None]:
    """Role -> the task of its scores that are shown beside a task, as `role_set` chooses it."""
    found = db.execute(
        f"SELECT role, task.name {_OF_HEADS} GROUP BY 1, 2 ORDER BY task.name IS :task, max(asked)",
        {"model": model, "task": task},
    )
    return {role: shown for role, shown in found}


def _distinct(db: sqlite3.Connection, column: str, condition: str, model: str | None) -> list[str]:
    found = db.execute(
        f"SELECT {column}, min(result.id) FROM result LEFT JOIN task ON task.id = task_id"
        " JOIN checkpoint ON checkpoint.id = checkpoint_id JOIN model ON model.id = model_id"
        f" WHERE {condition} AND model.name = coalesce(?, model.name) AND {column} IS NOT NULL GROUP BY 1 ORDER BY 2",
        (model,),
    )
    return [row[0] for row in found]


@dataclass(frozen=True)
class HeadGrid:
    """Scores of one role at one checkpoint."""

    values: list[list[float | None]]
    """[layer][head]; None where nothing is computed."""
    reason: str | None
    """Why no head has a value here, or None."""
    computed: bool
    of: RoleSet | None = None
    """What answers, at this checkpoint or at others; None if the model has no such role."""


@_at_once
def head_grid(db: sqlite3.Connection, model: str, step: int, role: str, task: str | None = None) -> HeadGrid:
    """Scores on that task, if the role is scored on it; see `role_set`."""
    of = role_set(db, model, role, task)
    shape = db.execute("SELECT n_layers, n_heads FROM model WHERE name = ?", (model,)).fetchone()
    values: list[list[float | None]] = [[None] * (shape["n_heads"] or 0) for _ in range(shape["n_layers"] or 0)]
    found = rows(db, VIEWS["heads"], {"model": model, "step": step, "role": role, **_on(of)})
    for row in found:
        if row["layer"] is not None:
            values[row["layer"]][row["head"]] = row["value"]
    nowhere = found and all(row["value"] is None for row in found)
    return HeadGrid(values, found[0]["reason"] if nowhere else None, bool(found), of)


def _on(of: RoleSet | None) -> dict[str, Any]:
    return {"task": of.task} if of and of.task else {}


@dataclass(frozen=True)
class Point:
    step: int
    tokens: int | None
    value: float | None


@_at_once
def head_history(
    db: sqlite3.Connection, model: str, role: str, layer: int, head: int, task: str | None = None
) -> list[Point]:
    """One head's score over training, on that task if the role is scored on it; see `role_set`."""
    on = _on(role_set(db, model, role, task))
    found = rows(db, VIEWS["history"], {"model": model, "role": role, "layer": layer, "head": head, **on})
    return [Point(r["step"], r["tokens"], r["value"]) for r in found]


def behaviour(db: sqlite3.Connection, model: str, task: str) -> list[dict[str, Any]]:
    """How well a task is done over training, by step; the columns of the view `behaviour`."""
    return rows(db, VIEWS["behaviour"], {"model": model, "task": task})


@dataclass(frozen=True)
class CircuitEdge:
    src: str
    dst: str
    port: str | None
    score: float


@dataclass(frozen=True)
class CircuitOf:
    header: dict[str, Any]
    """The columns of the view `circuit`'s header."""
    into: dict[str, list[CircuitEdge]]
    """Reader -> the edges into it, largest |score| first."""
    shares: dict[str, float]
    """`head`, `mlp`, `input` -> the part of the sum of |score| that such nodes write, largest first."""


@_at_once
def circuit(db: sqlite3.Connection, model: str, step: int, task: str) -> CircuitOf | None:
    """The circuit of a checkpoint; None if none was computed."""
    at = {"model": model, "step": step, "task": task}
    which = VIEWS["circuit"]
    assert which.header is not None
    header = rows(db, which.header, at)
    if not header:
        return None
    into: dict[str, list[CircuitEdge]] = {}
    for row in rows(db, which, at):
        into.setdefault(row["dst"], []).append(CircuitEdge(row["src"], row["dst"], row["port"], row["score"]))
    kinds = [row for row in rows(db, VIEWS["composition"], at) if row["port"] is None]
    kinds.sort(key=lambda row: -(row["share_of_score"] or 0))
    return CircuitOf(header[0], into, {row["kind"]: row["share_of_score"] or 0 for row in kinds})


@dataclass(frozen=True)
class StoredCircuit:
    """A circuit as it lies in the store, in the index layout of METHODS a.3."""

    n_layers: int
    n_heads: int
    parallel: bool
    d_model: int | None
    method: str | None
    selector: str | None
    scores: bytes
    shape: tuple[int, int]
    original: bytes | None
    edges: list[tuple[int, int]]
    """(source, port) of the members."""


@_at_once
def stored_circuit(
    db: sqlite3.Connection, model: str, step: int, task: str, choices: dict[str, Any]
) -> StoredCircuit | None:
    """The circuit that answers; None if none was computed."""
    found = rows(db, STORED, {"model": model, "step": step, "task": task}, choices)
    if not found:
        return None
    row = found[0]
    edges = db.execute("SELECT src, port FROM circuit_edge WHERE result_id = ?", (row.pop("result"),)).fetchall()
    shape = row.pop("scores_sources"), row.pop("scores_ports")
    fields = {k: v for k, v in row.items() if k not in ("model", "step", "task")}
    return StoredCircuit(**{**fields, "parallel": bool(row["parallel"])}, shape=shape, edges=list(map(tuple, edges)))


_COPY_SCORES = ("name_mover",)
"""Roles scored by what a head writes, not by where it attends: their fractions are of another kind."""


@_at_once
def strong_roles(
    db: sqlite3.Connection, model: str, step: int, task: str | None = None, least: float = 0.5
) -> dict[tuple[int, int], tuple[str, ...]]:
    """(layer, head) -> the roles in which a head reaches `least`: those of attention first, each kind best first.

    A role that is scored on several tasks counts as it is shown beside `task`; see `shown_tasks`.
    """
    statement = VIEWS["heads"].statement(_OF_MODEL, "step = ? AND value >= ?")
    tasks = shown_tasks(db, model, task)
    found = [row for row in db.execute(statement, (model, step, least)) if row["task"] == tasks[row["role"]]]
    strong: dict[tuple[int, int], tuple[str, ...]] = {}
    for row in sorted(found, key=lambda row: (row["role"] in _COPY_SCORES, -row["value"])):
        head = row["layer"], row["head"]
        strong[head] = (*strong.get(head, ()), row["role"])
    return strong


@dataclass(frozen=True)
class Provenance:
    """Where a number comes from."""

    facts: dict[str, Any]
    """What was computed, on what, how, when and with which versions; empty fields are left out."""
    params: dict[str, Any]
    """The analysis' parameters."""


@_at_once
def provenance(
    db: sqlite3.Connection, model: str, step: int, analysis: str, role: str | None = None, task: str | None = None
) -> Provenance | None:
    """Of the result that answers; None if there is none. A role's is the one shown beside the task (`role_set`)."""
    if role is not None:
        of = role_set(db, model, role, task)
        task = of and of.task
    row = db.execute(
        f"WITH answer AS ({answer(_OF_MODEL)})"
        " SELECT model.name AS model, step, revision, source, answer.fingerprint, analysis, role, task,"
        " task.hash AS task_hash, prepend_bos, dtype, device, threads, run_id AS run, round(seconds, 2) AS seconds,"
        " started, ended, host, versions, answer.params, answer.reason"
        f" FROM answer JOIN {AT} JOIN run ON run.id = run_id LEFT JOIN task ON task.id = task_id"
        " WHERE step = ? AND analysis = ? AND (? IS NULL OR role = ?) AND (? IS NULL OR task = ?)"
        " ORDER BY asked DESC, answer.id DESC",
        (model, step, analysis, role, role, task, task),
    ).fetchone()
    if row is None:
        return None
    facts = dict(row)
    params = json.loads(facts.pop("params"))
    return Provenance({name: value for name, value in facts.items() if value is not None}, params)


def data_version(db: sqlite3.Connection) -> int:
    """Changes whenever another connection has written."""
    return db.execute("PRAGMA data_version").fetchone()[0]


@dataclass(frozen=True)
class PatchOf:
    """Path patching of all heads, one at a time, into one set of receivers."""

    header: dict[str, Any]
    """The columns of the view `patches`."""
    senders: list[dict[str, Any]]
    """The columns of the view `patch`, largest |effect| first; those without an effect last."""


@_at_once
def patch(db: sqlite3.Connection, model: str, step: int, task: str, receivers: str) -> PatchOf | None:
    """The newest with MLPs recomputed and every head a sender; None if none was computed."""
    which = VIEWS["patch"]
    assert which.header is not None
    at = {"model": model, "step": step, "task": task, "receivers": receivers, "mlps": "recomputed"}
    complete = "analysis = 'patch' AND json_extract(result.params, '$.senders') = 'all'"
    where = " AND ".join(f"{column} = ?" for column in at)
    header, senders = (
        [dict(row) for row in db.execute(view.statement(complete, where), tuple(at.values()))]
        for view in (which.header, which)
    )
    senders.sort(key=lambda row: 1 if row["effect"] is None else -abs(row["effect"]))
    return PatchOf(header[0], senders) if header else None
