"""What training as a whole shows: rows that are computed at a run's end from the results of all checkpoints.

Each rests on one set of parameters, which its row names, and on the results that were there; a view marks it stale
when newer ones are, or when others were asked for.
"""

import re
import sqlite3
from dataclasses import dataclass
from typing import Any

from circuit_store.transactions import transaction
from circuit_store.views import VIEWS
from circuit_store.views.circuits import UNQUALIFIED
from circuit_store.views.trends import LAST
from circuit_store.views.view import AT, OF_MODEL, answer


@dataclass(frozen=True)
class EmergenceRecord:
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
    state: str | None = None
    floor: float | None = None
    floor_from: str | None = None
    task: str | None = None
    preset: str | None = None
    text: str | None = None
    dtype: str | None = None


def last_result(db: sqlite3.Connection, model: str) -> int:
    """Number of what was computed or asked for last of a model (`results.next_asked`); 0 if there is nothing.

    Only what trends rest on counts.
    """
    found = db.execute(f"SELECT {LAST} FROM model WHERE name = ?", (model,)).fetchone()
    return found[0] if found else 0


_REST_ON = (
    "SELECT coalesce(max(last_result), 0) FROM (SELECT model_id, last_result FROM emergence"
    " UNION ALL SELECT model_id, last_result FROM handoff) WHERE model_id = ?"
)
"""Up to which number the rows of a model's trends go; 0 if there are none."""


def replace(
    db: sqlite3.Connection, model: str, emergences: list[EmergenceRecord], handoffs: list[dict[str, Any]], last: int
) -> None:
    """Put these rows in the place of the model's earlier ones; they rest on what was asked for up to number `last`.

    Roles that one head lost and another gained are given by column of the table `handoff`.

    Nothing is done if those there rest on what came later: another process began after this one and was faster.
    """
    with transaction(db):
        (of,) = db.execute("SELECT id FROM model WHERE name = ?", (model,)).fetchone()
        (there,) = db.execute(_REST_ON, (of,)).fetchone()
        if last < there <= last_result(db, model):
            return
        for table, rows in (("emergence", list(map(vars, emergences))), ("handoff", handoffs)):
            db.execute(f"DELETE FROM {table} WHERE model_id = ?", (of,))
            for row in rows:
                values = {"model_id": of, "last_result": last, **row}
                names, marks = ", ".join(values), ", ".join("?" * len(values))
                db.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(values.values()))


def stale(db: sqlite3.Connection, model: str) -> bool:
    """Whether a model has results that its trends do not rest on."""
    (of,) = db.execute("SELECT id FROM model WHERE name = ?", (model,)).fetchone()
    (there,) = db.execute(_REST_ON, (of,)).fetchone()
    return there < last_result(db, model)


def touched(db: sqlite3.Connection, run: int) -> list[str]:
    """The models for which a run has results."""
    found = db.execute(
        "SELECT DISTINCT model.name FROM result JOIN checkpoint ON checkpoint.id = checkpoint_id"
        " JOIN model ON model.id = model_id WHERE run_id = ? ORDER BY 1",
        (run,),
    )
    return [row[0] for row in found]


Heads = set[tuple[int, int]]


@dataclass(frozen=True)
class CircuitHeads:
    """The heads of a task's circuits over training (METHODS l.3).

    A checkpoint's circuit counts if the checkpoint does the task and the circuit reaches its threshold. All are of the
    one set of parameters that answers.
    """

    by_step: dict[int, tuple[Heads, Heads]]
    """Where a circuit counts: the heads that write edges of it, and those that read some."""
    why_not: dict[int, str]
    """Where one is stored that does not count, why."""


_CIRCUITS = f"analysis = 'circuit' AND {OF_MODEL}"


def circuit_heads(db: sqlite3.Connection, model: str, task: str) -> CircuitHeads:
    """Empty if the store holds no circuit of the task."""
    stored = db.execute(
        f"WITH answer AS ({answer(_CIRCUITS)}) SELECT step, {UNQUALIFIED} FROM answer AS of_task JOIN {AT}"
        " LEFT JOIN circuit ON circuit.result_id = of_task.id WHERE of_task.task = ? ORDER BY step",
        (model, task),
    )
    why_not = {step: reason for step, reason in stored}
    found: dict[int, tuple[Heads, Heads]] = {step: (set(), set()) for step, reason in why_not.items() if reason is None}
    edges = VIEWS["circuit"].statement(_CIRCUITS, "task = ?")
    for step, src, dst in db.execute(f"SELECT DISTINCT step, src, dst FROM ({edges})", (model, task)):
        for heads, node in zip(found.get(step, ()), (src, dst)):  # noqa: B905 - none where the circuit does not count
            if named := re.fullmatch(r"a(\d+)\.h(\d+)", node):
                heads.add((int(named[1]), int(named[2])))
    return CircuitHeads(found, {step: reason for step, reason in why_not.items() if reason is not None})
