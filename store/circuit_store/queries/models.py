"""What the store holds of a model: its checkpoints, the roles and tasks with results, how well it does a task."""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from circuit_store.addresses import check_model
from circuit_store.queries.views import one_state, rows
from circuit_store.views import VIEWS


def by_size(db: sqlite3.Connection, wanted: Iterable[str]) -> list[str]:
    """Those of the models that are wanted, from the smallest to the largest by parameters; of unknown size last."""
    wanted, known = set(wanted), rows(db, VIEWS["models"])
    shown = [row for row in known if row["model"] in wanted]
    return [row["model"] for row in sorted(shown, key=lambda row: (row["params"] is None, row["params"] or 0))]


@dataclass(frozen=True)
class CheckpointRow:
    step: int
    tokens: int | None
    status: str | None
    detail: str | None
    computed: bool
    fingerprint: str | None = None
    """Hash of the weights; None if it was not loaded."""


@one_state
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
    names = ("step", "tokens", "status", "detail", "fingerprint")
    return [CheckpointRow(**{n: r[n] for n in names}, computed=r["step"] in computed) for r in found]


@dataclass(frozen=True)
class Holding:
    """Results of one kind."""

    analysis: str
    role: str | None
    task: str | None
    results: int
    asked: int
    """When the last of them was computed or asked for; grows."""
    newest: int
    """Grows with every result that is written."""


def holdings(db: sqlite3.Connection, model: str) -> list[Holding]:
    """What kinds of results the store holds of a model, in the order in which they were first computed."""
    found = db.execute(
        "SELECT analysis, role, task.name, count(*), max(asked), max(result.id) FROM result"
        " JOIN checkpoint ON checkpoint.id = checkpoint_id JOIN model ON model.id = model_id"
        " LEFT JOIN task ON task.id = task_id WHERE model.name = ? GROUP BY 1, 2, 3 ORDER BY min(result.id)",
        (model,),
    )
    return [Holding(*row) for row in found]


def roles(db: sqlite3.Connection, model: str | None = None) -> list[str]:
    """Roles with results, of one model or of any, in the order in which they were first computed."""
    return _distinct(db, "role", "analysis = 'heads'", model)


def tasks(db: sqlite3.Connection, model: str | None = None, of_any_kind: bool = False) -> list[str]:
    """Tasks with results of behaviour, circuits or path patching, or of any kind, likewise."""
    kinds = "TRUE" if of_any_kind else "analysis IN ('behaviour', 'circuit', 'patch')"
    return _distinct(db, "task.name", kinds, model)


def _distinct(db: sqlite3.Connection, column: str, condition: str, model: str | None) -> list[str]:
    found = db.execute(
        f"SELECT {column}, min(result.id) FROM result LEFT JOIN task ON task.id = task_id"
        " JOIN checkpoint ON checkpoint.id = checkpoint_id JOIN model ON model.id = model_id"
        f" WHERE {condition} AND model.name = coalesce(?, model.name) AND {column} IS NOT NULL GROUP BY 1 ORDER BY 2",
        (model,),
    )
    return [row[0] for row in found]


def behaviour(db: sqlite3.Connection, model: str, task: str) -> list[dict[str, Any]]:
    """How well a task is done over training, by step; the columns of the view `behaviour`."""
    return rows(db, VIEWS["behaviour"], {"model": model, "task": task})
