"""What the figures over training ask: of all models on one task, of sizes with their seeds, of a model's tasks; and the
top heads of a role in a model.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from circuit_store.display_text import cell
from circuit_store.queries.arrangement import Arrangement
from circuit_store.queries.heads import RoleSet, role_set
from circuit_store.queries.models import by_size
from circuit_store.queries.views import found, one_state, view

Row = dict[str, Any]
Head = tuple[int, int]
EARLIEST = ("role", "figure_2_head")
"""Kinds of `emergence`: a role's earliest head, and the earliest in its task's circuits by the rule of the paper's
figure."""
_AT = ("model", "step", "tokens")
_BEHAVIOUR = (*_AT, "task", "metric", "value", "low", "high", "n_examples", "accuracy", "reason")
_SIZE = (*_AT, "task", "n_edges", "n_nodes", "counts", "reason")
_STAGES = (*_AT, "stage", "percent", "low", "high", "percent_random", "reason")
_EMERGENCE = ("model", "kind", "name", "task", "layer", "head", "step", "tokens", "reason", "stale")
_JACCARD = tuple(
    f"{kind}_{what}" for kind in ("edge", "node", "weighted") for what in ("jaccard", "floor", "floor_low")
)
_SIMILARITY = ("model", "step_a", "step_b", "tokens_a", "tokens_b", *_JACCARD, "counts", "reason", "stale")
_SEEDS = ("family", "size", "variant", "quantity", "step", "tokens", "models", "seeds", "mean", "low", "high")
_HISTORY = ("model", "step", "tokens", "layer", "head", "value", "low", "high")
_STRONGEST = 5


@dataclass(frozen=True)
class Training:
    """All models on one task; rows have some columns of the view that they are named for."""

    models: list[str]
    """From the smallest to the largest."""
    checkpoints: list[Row]
    behaviour: list[Row]
    size: list[Row]
    stages: list[Row]
    similarity: list[Row]
    """Of neighbouring checkpoints."""
    emergence: list[Row]
    """Of `EARLIEST`; of all tasks."""


@one_state
def training(db: sqlite3.Connection, task: str | None) -> Training:
    on = {"task": task}
    checkpoints = _of(db, "checkpoints", (*_AT, "status"), {})
    return Training(
        models=by_size(db, {row["model"] for row in checkpoints}),
        checkpoints=checkpoints,
        behaviour=_of(db, "behaviour", _BEHAVIOUR, on),
        size=_of(db, "size", _SIZE, on),
        stages=_of(db, "algorithm", _STAGES, on),
        similarity=_of(db, "similarity", _SIMILARITY, on | {"against": "neighbour"}),
        emergence=_of(db, "emergence", _EMERGENCE, {}, {"kind": EARLIEST}),
    )


@one_state
def of_sizes(db: sqlite3.Connection, task: str | None) -> list[Row]:
    """Behaviour and size over the seeds of each size of model; columns of the view `seeds`."""
    return _of(db, "seeds", _SEEDS, {"name": task}, {"quantity": ("behaviour", "n_edges")})


@one_state
def of_tasks(db: sqlite3.Connection, model: str) -> tuple[list[Row], list[Row]]:
    """Behaviour of a model on each task, and the sizes of its circuits."""
    return _of(db, "behaviour", _BEHAVIOUR, {"model": model}), _of(db, "size", _SIZE, {"model": model})


@dataclass(frozen=True)
class TopHeads:
    heads: dict[Head, list[Row]] = field(default_factory=dict)
    """Of each some columns of the view `history`."""
    of: RoleSet | None = None
    step: int | None = None
    """The checkpoint at which they are the strongest; None if they are those that are longest in the circuits."""


@one_state
def top_heads(db: sqlite3.Connection, model: str, role: str, task: str | None, most: int) -> TopHeads:
    """The heads that are longest in their task's circuits with the role, else the strongest of the last checkpoint."""
    of = role_set(db, model, role, task)
    if of is None:
        return TopHeads()
    on = {"model": model, "role": role} | ({"task": of.task} if of.task else {})
    named = {"model": model, "kind": "top_head", "name": role, "task": of.task}
    heads = [(row["layer"], row["head"]) for row in _of(db, "emergence", _EMERGENCE, named) if row["step"] is not None]
    step = None
    if not heads:
        step, heads = _strongest(db, on)
    heads = list(dict.fromkeys(heads))[:most]
    return TopHeads({h: _of(db, "history", _HISTORY, on | {"layer": h[0], "head": h[1]}) for h in heads}, of, step)


def _strongest(db: sqlite3.Connection, on: dict[str, Any]) -> tuple[int | None, list[Head]]:
    """At the last checkpoint of which a score is defined."""
    last = db.execute(
        "SELECT max(step) FROM result JOIN checkpoint ON checkpoint.id = checkpoint_id"
        " JOIN model ON model.id = model_id"
        " WHERE model.name = ? AND analysis = 'heads' AND role = ? AND reason IS NULL",
        (on["model"], on["role"]),
    ).fetchone()[0]
    if last is None:
        return None, []
    rows = [row for row in _of(db, "heads", (*_AT, "layer", "head", "value"), on | {"step": last}) if row["value"]]
    rows.sort(key=lambda row: -abs(row["value"]))
    return last, [(row["layer"], row["head"]) for row in rows[:_STRONGEST]]


def _of(
    db: sqlite3.Connection,
    name: str,
    columns: Sequence[str],
    filters: dict[str, Any],
    where: dict[str, Iterable[str]] | None = None,
) -> list[Row]:
    wanted = Arrangement({column: list(values) for column, values in (where or {}).items()}, columns=columns)
    return [dict(zip(columns, map(cell, row), strict=True)) for row in found(db, view(name), filters, None, wanted)]
