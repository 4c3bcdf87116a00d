"""What training as a whole shows: rows that are computed at a run's end from the results of all checkpoints.

Each rests on one set of parameters, which its row names, and on the results that were there; a view marks it stale
when newer ones are, or when others were asked for.
"""

import re
import sqlite3
from dataclasses import astuple, dataclass

from circuit_store.transactions import transaction
from circuit_store.views import VIEWS
from circuit_store.views.trends import LAST
from circuit_store.views.view import NEWEST, SET


@dataclass(frozen=True)
class Emergence:
    """When something came and went; see the view `emergence`."""

    kind: str
    name: str
    layer: int | None = None
    head: int | None = None
    step: int | None = None
    lost_step: int | None = None
    value: float | None = None
    threshold: float | None = None
    reason: str | None = None
    task: str | None = None
    preset: str | None = None
    text: str | None = None
    dtype: str | None = None


@dataclass(frozen=True)
class Handoff:
    """A role lost by one head and gained by another."""

    role: str
    task: str | None
    from_layer: int
    from_head: int
    lost_step: int
    to_layer: int
    to_head: int
    gained_step: int
    window: int
    preset: str | None = None
    text: str | None = None
    dtype: str | None = None


def last_result(db: sqlite3.Connection, model: str) -> int:
    """Number of what was computed or asked for last of a model (`results.next_asked`); 0 if there is nothing.

    Only what trends rest on counts.
    """
    found = db.execute(f"SELECT {LAST} FROM model WHERE name = ?", (model,)).fetchone()
    return found[0] if found else 0


def replace(
    db: sqlite3.Connection, model: str, emergences: list[Emergence], handoffs: list[Handoff], last: int
) -> None:
    """Put these rows in the place of the model's earlier ones; they rest on what was asked for up to number `last`.

    Nothing is done if those there rest on what came later: another process began after this one and was faster.
    """
    with transaction(db):
        (of,) = db.execute("SELECT id FROM model WHERE name = ?", (model,)).fetchone()
        if last < _rest_on(db, of) <= last_result(db, model):
            return
        for table, rows in (("emergence", emergences), ("handoff", handoffs)):
            db.execute(f"DELETE FROM {table} WHERE model_id = ?", (of,))
            for row in rows:
                marks = ", ".join("?" * len(vars(row)))
                names = ", ".join(vars(row))
                values = (of, last, *astuple(row))
                db.execute(f"INSERT INTO {table} (model_id, last_result, {names}) VALUES (?, ?, {marks})", values)


def _rest_on(db: sqlite3.Connection, model: int) -> int:
    """Up to which number the rows of a model's trends go; 0 if there are none."""
    found = db.execute(
        "SELECT max(last_result) FROM (SELECT model_id, last_result FROM emergence"
        " UNION ALL SELECT model_id, last_result FROM handoff) WHERE model_id = ?",
        (model,),
    )
    return found.fetchone()[0] or 0


def touched(db: sqlite3.Connection, run: int) -> list[str]:
    """The models for which a run has results."""
    found = db.execute(
        "SELECT DISTINCT model.name FROM result JOIN checkpoint ON checkpoint.id = checkpoint_id"
        " JOIN model ON model.id = model_id WHERE run_id = ? ORDER BY 1",
        (run,),
    )
    return [row[0] for row in found]


Heads = set[tuple[int, int]]


_SET = f"CASE WHEN json_extract(result.params, '$.method') = 'imported' THEN 'imported' ELSE {SET} END"
_NEWEST_CIRCUIT = (
    f"SELECT {_SET} FROM result JOIN checkpoint ON checkpoint.id = checkpoint_id JOIN model ON model.id = model_id"
    " JOIN task ON task.id = task_id WHERE analysis = 'circuit' AND model.name = ? AND task.name = ?"
    f" ORDER BY {_SET} = 'imported', {NEWEST} LIMIT 1"
)


def circuit_heads(db: sqlite3.Connection, model: str, task: str) -> dict[int, tuple[Heads, Heads]]:
    """Step -> the heads that write edges of the task's circuit, and those that read some.

    All circuits are of one set of parameters, that of the newest; files' are taken if none was computed.
    """
    found: dict[int, tuple[Heads, Heads]] = {}
    newest = db.execute(_NEWEST_CIRCUIT, (model, task)).fetchone()
    if newest is None:
        return found
    which = VIEWS["circuit"].statement(f"analysis = 'circuit' AND {_SET} = ?", "model = ? AND task = ?")
    for step, src, dst in db.execute(f"SELECT DISTINCT step, src, dst FROM ({which})", (newest[0], model, task)):
        for heads, node in zip(found.setdefault(step, (set(), set())), (src, dst), strict=True):
            if named := re.fullmatch(r"a(\d+)\.h(\d+)", node):
                heads.add((int(named[1]), int(named[2])))
    return found
