"""What trends are computed from: of each series of a model the results that are shown, and their values, by result.

A series is a task, or a role on a task, over the checkpoints of a model. Which results are shown is asked once for all
of them; values are read by the key of their table, so that a series costs what it holds, however large the store is.
"""

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain

import numpy as np
from jaxtyping import Float

from circuit_store import blobs
from circuit_store.display_text import cell
from circuit_store.views.circuits import UNQUALIFIED
from circuit_store.views.trends import RESTS_ON
from circuit_store.views.view import OF_MODEL, shown_results


@dataclass(frozen=True)
class ShownResult:
    """The result that is shown of a series at one checkpoint."""

    id: int
    step: int
    asked: int
    dtype: str
    preset: str | None
    text: str | None
    reason: str | None
    method: str | None
    """Of a circuit, how its edges were scored."""
    n_nodes: int | None
    """Of a circuit; None if it has no edges."""
    why_not: str | None
    """Of a circuit, why it does not count as its task's (METHODS l.3)."""


Series = tuple[str, str | None, str | None]
"""Analysis, role and task."""


def shown(db: sqlite3.Connection, model: str) -> dict[Series, list[ShownResult]]:
    """By step, of what trends rest on. Those of a role or task are of one set of parameters."""
    of_series = shown_results(f"analysis IN {RESTS_ON} AND {OF_MODEL}")
    found = db.execute(
        f"WITH shown_result AS ({of_series}) SELECT analysis, role, task, of_task.id, step, asked, dtype,"
        " json_extract(params, '$.preset'), json_extract(params, '$.text'), reason,"
        " json_extract(params, '$.method'), n_nodes,"
        f" CASE WHEN analysis = 'circuit' THEN {UNQUALIFIED} END FROM shown_result AS of_task"
        " JOIN checkpoint ON checkpoint.id = checkpoint_id LEFT JOIN circuit ON circuit.result_id = of_task.id"
        " ORDER BY step, of_task.id",
        (model,),
    )
    series: dict[Series, list[ShownResult]] = {}
    for analysis, role, task, *of in (map(cell, row) for row in found):
        series.setdefault((analysis, role, task), []).append(ShownResult(*of))
    return series


def computed(db: sqlite3.Connection, model: str, analysis: str, task: str) -> int:
    """How many checkpoints of a model have results of an analysis on a task, whatever the parameters."""
    found = db.execute(
        "SELECT count(DISTINCT checkpoint_id) FROM result JOIN task ON task.id = task_id"
        f" WHERE {OF_MODEL} AND analysis = ? AND task.name = ?",
        (model, analysis, task),
    )
    return found.fetchone()[0]


def behaviour(db: sqlite3.Connection, result: int) -> tuple[float | None, float | None]:
    """The mean metric and its plain standard error; None where undefined."""
    row = db.execute("SELECT value, stderr_plain FROM behaviour WHERE result_id = ?", (result,)).fetchone()
    return (None, None) if row is None else (row[0], row[1])


def head_scores(db: sqlite3.Connection, result: int) -> Float[np.ndarray, "head 3"]:
    """Layer, head and score, where there is one."""
    scored = "SELECT layer << 16 | head, value FROM head_score WHERE result_id = ? AND value NOT NULL"
    at, values = numbers(db, scored, result).reshape(-1, 2).T
    return np.stack([*np.divmod(at, 1 << 16), values], 1)


def numbers(db: sqlite3.Connection, statement: str, *values: int) -> Float[np.ndarray, " value"]:
    """All values of a statement's rows; NULL is NaN."""
    cursor = db.cursor()
    cursor.row_factory = None
    return np.fromiter(chain.from_iterable(cursor.execute(statement, values)), float)


def reasons(db: sqlite3.Connection, results: Iterable[ShownResult]) -> list[str]:
    """Why scores are missing, each reason once, in the order of steps, layers and heads."""
    of_heads = "SELECT reason FROM head_score WHERE result_id = ? AND value IS NULL ORDER BY layer, head"
    given = (
        cell(row[0]) or of.reason
        for of in results
        for row in db.execute(of_heads, (of.id,)).fetchall() or [(of.reason,)]
    )
    return list(dict.fromkeys(reason for reason in given if reason))


def scores_by_prompt(
    db: sqlite3.Connection, results: Mapping[int, int], head: int, heads: int, steps: int
) -> Float[np.ndarray, "step prompt"] | None:
    """Of one head, counted through the layers, of so many, over so many checkpoints; NaN where there is no result.

    None unless they are kept of all, for as many prompts.

    Args:
        results: by place of the checkpoint.
    """
    rows = list[Float[np.ndarray, " prompt"]]()
    for result in results.values():
        kept = db.execute("SELECT scores FROM head_by_prompt WHERE result_id = ?", (result,)).fetchone()
        if kept is None:
            return None
        rows.append(blobs.unpack(kept[0], (heads, -1))[head].astype(float))
    if len({len(row) for row in rows}) != 1:
        return None
    found = np.full((steps, len(rows[0])), np.nan)
    found[list(results)] = rows
    return found


@dataclass(frozen=True)
class StageFound:
    """A stage of the IOI algorithm at one checkpoint."""

    stage: str
    percent: float | None
    heads: frozenset[str]


def stages(db: sqlite3.Connection, result: int) -> list[StageFound]:
    """In the order of the algorithm."""
    rows = db.execute("SELECT stage, percent, heads FROM stage WHERE result_id = ? ORDER BY place", (result,))
    return [
        StageFound(str(cell(stage)), percent, frozenset(chain.from_iterable(json.loads(heads or "{}").values())))
        for stage, percent, heads in rows
    ]
