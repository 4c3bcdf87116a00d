"""Where a number comes from: the result that is shown, its run and its parameters."""

import sqlite3
from dataclasses import dataclass
from typing import Any

from circuit_store.json_columns import read_json
from circuit_store.queries.heads import role_set
from circuit_store.queries.views import one_state
from circuit_store.views.view import AT, OF_MODEL, shown_results


@dataclass(frozen=True)
class ResultOrigin:
    """Where a number comes from."""

    facts: dict[str, Any]
    """What was computed, on what, how, when and with which versions; empty fields are left out."""
    params: dict[str, Any]
    """The analysis' parameters."""


@one_state
def provenance(
    db: sqlite3.Connection, model: str, step: int, analysis: str, role: str | None = None, task: str | None = None
) -> ResultOrigin | None:
    """Of the result that is shown; None if there is none. A role's is the one beside the task (`role_set`)."""
    if role is not None:
        of = role_set(db, model, role, task)
        task = of and of.task
    row = db.execute(
        f"WITH shown_result AS ({shown_results(OF_MODEL)})"
        " SELECT model.name AS model, step, revision, source, shown_result.fingerprint, analysis, role, task,"
        " task.hash AS task_hash, prepend_bos, dtype, device, threads, run_id AS run, round(seconds, 2) AS seconds,"
        " started, ended, host, versions, shown_result.params, shown_result.reason, shown_result.id"
        f" FROM shown_result JOIN {AT} JOIN run ON run.id = run_id LEFT JOIN task ON task.id = task_id"
        " WHERE step = ? AND analysis = ? AND (? IS NULL OR role = ?) AND (? IS NULL OR task = ?)"
        " ORDER BY asked DESC, shown_result.id DESC",
        (model, step, analysis, role, role, task, task),
    ).fetchone()
    if row is None:
        return None
    facts = dict(row)
    params = read_json(facts.pop("params"), "result.params", facts.pop("id"))
    return ResultOrigin({name: value for name, value in facts.items() if value is not None}, params)
