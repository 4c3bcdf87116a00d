"""Scores of head roles: on which task a role is shown, its heads at one checkpoint, one head over
training; and where a head looks from the answer position, prompt by prompt.
"""

import json
import sqlite3
from dataclasses import dataclass, field
from typing import Any

from circuit_store.display_text import cell
from circuit_store.queries.views import of_results, one_state, rows
from circuit_store.views import VIEWS
from circuit_store.views.view import NEWEST, OF_MODEL, shown_results

_OF_HEADS = (
    "FROM result JOIN checkpoint ON checkpoint.id = checkpoint_id JOIN model ON model.id = model_id"
    " LEFT JOIN task ON task.id = task_id"
    " WHERE analysis = 'heads' AND model.name = :model"
)


def scored(db: sqlite3.Connection, model: str) -> list[tuple[str, str | None]]:
    """Each role of a model with each task on which it is scored; None for roles that need no task."""
    found = db.execute(f"SELECT role, task.name, min(result.id) {_OF_HEADS} GROUP BY 1, 2 ORDER BY 3", {"model": model})
    return [(role, task) for role, task, _ in found]


@dataclass(frozen=True)
class RoleSet:
    """What the scores of a role that are shown have in common."""

    task: str | None
    """Task whose prompts were used; None if none were."""
    preset: str | None
    text: str | None
    """Hash of the text that was used, if one was."""
    dtype: str


_HEADS_OF_MODEL = f"{OF_MODEL} AND analysis = 'heads'"


def role_set(db: sqlite3.Connection, model: str, role: str, task: str | None = None) -> RoleSet | None:
    """Of the scores that are shown of a role: on that task if it is scored there, else on that asked for last, among
    tasks on which it has a value at any checkpoint if there are such.

    None if the model has no such role.
    """
    row = db.execute(
        f"WITH shown_result AS ({shown_results(f'{_HEADS_OF_MODEL} AND role = ?')})"
        " SELECT task, json_extract(params, '$.preset') AS preset, json_extract(params, '$.text') AS text, dtype"
        " FROM shown_result"
        f" ORDER BY task IS ? DESC, defined DESC, {NEWEST} LIMIT 1",
        (model, role, task),
    ).fetchone()
    return row and RoleSet(**row)


@dataclass(frozen=True)
class RoleTasks:
    """On which task each role of a model is shown beside a task, as `role_set` chooses it, and in which results."""

    rising: tuple[tuple[str, str | None], ...] = ()
    """Each role with each task on which it is scored, the one that is shown beside none of them last."""
    results: dict[int, list[tuple[int, str, str | None]]] = field(default_factory=dict)
    """Step -> the results that are shown there, each with its role and task."""

    def beside(self, task: str | None) -> dict[str, str | None]:
        """Role -> the task of its scores that are shown."""
        return dict(sorted(self.rising, key=lambda pair: pair[1] == task))

    def at(self, step: int | None, task: str | None) -> list[int]:
        """The results that are shown at a step beside a task, one of each role."""
        shown = self.beside(task)
        return [result for result, role, of in self.results.get(step or 0, ()) if of == shown[role]]

    def of(self, role: str, task: str | None) -> dict[int, int]:
        """Step -> the result of a role that is shown there beside a task."""
        shown = role, self.beside(task).get(role)
        return {step: result for step, found in self.results.items() for result, *of in found if (*of,) == shown}


def role_tasks(db: sqlite3.Connection, model: str) -> RoleTasks:
    found = db.execute(
        f"WITH shown_result AS ({shown_results(_HEADS_OF_MODEL)})"
        " SELECT step, shown_result.id, role, task, defined, asked"
        " FROM shown_result JOIN checkpoint ON checkpoint.id = checkpoint_id",
        (model,),
    )
    held: dict[int, list[tuple[int, str, str | None]]] = {}
    newest: dict[tuple[str, str | None], tuple[int, int, int]] = {}
    for step, result, role, task, *order in found:
        held.setdefault(step, []).append((result, role, task))
        before = newest.get((role, task), (0, 0, 0))
        newest[role, task] = max(before[0], order[0]), max(before[1], order[1]), max(before[2], result)
    return RoleTasks(tuple(sorted(newest, key=lambda pair: newest[pair])), held)


@dataclass(frozen=True)
class HeadGrid:
    """Scores of one role at one checkpoint."""

    values: list[list[float | None]]
    """[layer][head]; None where nothing is computed."""
    reason: str | None
    """Why no head has a value here, or None."""
    computed: bool
    of: RoleSet | None = None
    """What is shown, at this checkpoint or at others; None if the model has no such role."""


@one_state
def head_grid(db: sqlite3.Connection, model: str, step: int, role: str, task: str | None = None) -> HeadGrid:
    """Scores on that task, if the role is scored on it; see `role_set`."""
    return grid_of(db, model, step, role_tasks(db, model).of(role, task))


@one_state
def grid_of(db: sqlite3.Connection, model: str, step: int, results: dict[int, int]) -> HeadGrid:
    """Scores at a step of the results that are shown of a role (`RoleTasks.of`)."""
    shape = db.execute("SELECT n_layers, n_heads FROM model WHERE name = ?", (model,)).fetchone()
    values: list[list[float | None]] = [[None] * (shape["n_heads"] or 0) for _ in range(shape["n_layers"] or 0)]
    found = list(db.execute(_GRID, (results.get(step),)))
    for layer, head, value, _ in found:
        if layer is not None:
            values[layer][head] = cell(value)
    nowhere = found and all(value is None for _, _, value, _ in found)
    return HeadGrid(values, cell(found[0]["reason"]) if nowhere else None, bool(found), set_of(db, results))


_GRID = (
    "SELECT layer, head, value, coalesce(head_score.reason, result.reason) AS reason"
    " FROM result LEFT JOIN head_score ON result_id = result.id WHERE result.id = ? ORDER BY layer, head"
)


def set_of(db: sqlite3.Connection, results: dict[int, int]) -> RoleSet | None:
    """What results that are shown of a role have in common; None if there are none."""
    row = db.execute(
        "SELECT task.name AS task, json_extract(params, '$.preset') AS preset, json_extract(params, '$.text') AS text,"
        " dtype FROM result LEFT JOIN task ON task.id = task_id WHERE result.id = ?",
        (next(iter(results.values()), None),),
    ).fetchone()
    return row and RoleSet(**row)


def curve(db: sqlite3.Connection, results: dict[int, int], layer: int, head: int) -> dict[int, float | None]:
    """Step -> a head's score, of the results that are shown of a role (`RoleTasks.of`), by step."""
    found = db.execute(
        "SELECT result_id, value FROM head_score WHERE result_id IN (SELECT value FROM json_each(?))"
        " AND layer = ? AND head = ?",
        (json.dumps(list(results.values())), layer, head),
    )
    values = {result: cell(value) for result, value in found}
    return {step: values[results[step]] for step in sorted(results) if results[step] in values}


def scores_of_head(db: sqlite3.Connection, results: list[int], layer: int, head: int) -> dict[str, dict[str, Any]]:
    """Role -> the columns of the view `heads`, of one head in results of which each is shown of its role."""
    which = VIEWS["heads"]
    statement = of_results(which, "result.id IN (SELECT value FROM json_each(?))", "layer = ? AND head = ?")
    found = db.execute(statement, (json.dumps(results), layer, head))
    return {row["role"]: {column.name: cell(row[column.name]) for column in which.columns} for row in found}


MEASUREMENTS = ("attn_end_", "effect_")
"""How the names begin of what is measured of a head (attention from the answer position, effect of a patch), and is no
role that it has."""
_COPY_SCORES = ("name_mover",)
"""Roles scored by what a head writes, not by where it attends: their fractions are of another kind."""


def strong_in(db: sqlite3.Connection, results: list[int], least: float = 0.5) -> dict[tuple[int, int], tuple[str, ...]]:
    """(layer, head) -> the roles in which a head reaches `least`: those of attention first, each kind best first.

    Args:
        results: one of each role (`RoleTasks.at`).
    """
    found = db.execute(
        "SELECT role, layer, head, value FROM head_score JOIN result ON result.id = result_id"
        " WHERE result_id IN (SELECT value FROM json_each(?)) AND value >= ?",
        (json.dumps(results), least),
    )
    strong: dict[tuple[int, int], tuple[str, ...]] = {}
    for row in sorted(found, key=lambda row: (row["role"] in _COPY_SCORES, -row["value"])):
        head = row["layer"], row["head"]
        strong[head] = (*strong.get(head, ()), row["role"])
    return strong


@dataclass(frozen=True)
class Attended:
    prompts: list[list[tuple[str, float]]]
    """Of each prompt its tokens up to the answer position, and the head's attention to each, 0 to 1."""
    reason: str | None = None
    """Why there are no prompts, or None."""


@one_state
def attended(db: sqlite3.Connection, model: str, step: int, task: str | None, head: tuple[int, int]) -> Attended | None:
    """None if it is not computed for that task there."""
    which, at = VIEWS["attention"], {"model": model, "step": step, "task": task}
    prompts: dict[int, list[tuple[str, float]]] = {}
    for row in rows(db, which, at | {"layer": head[0], "head": head[1]}):
        prompts.setdefault(row["prompt"], []).append((row["token"], row["weight"]))
    if prompts:
        return Attended(list(prompts.values()))
    undefined = rows(db, which, at | {"layer": None})
    return Attended([], undefined[0]["reason"]) if undefined else None
