"""What trends are computed from: of each series of a model the results that are shown, and their values, by result.

A series is a task, or a role on a task, over the checkpoints of a model. Which results are shown is asked once for all
of them; values are read by the key of their table, so that a series costs what it holds, however large the store is.
"""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

import numpy as np
from jaxtyping import Bool, Float

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
    why_not: str | None
    """Of a circuit, why it does not count as its task's (METHODS l.3)."""


Series = tuple[str, str | None, str | None]
"""Analysis, role and task."""


def shown(db: sqlite3.Connection, model: str) -> dict[Series, list[ShownResult]]:
    """By step, of behaviour, heads and circuits. Those of a role or task are of one set of parameters."""
    of_series = shown_results(f"analysis IN {RESTS_ON} AND {OF_MODEL}")
    found = db.execute(
        f"WITH shown_result AS ({of_series}) SELECT analysis, role, task, of_task.id, step, asked, dtype,"
        " json_extract(params, '$.preset'), json_extract(params, '$.text'), reason,"
        f" CASE WHEN analysis = 'circuit' THEN {UNQUALIFIED} END FROM shown_result AS of_task"
        " JOIN checkpoint ON checkpoint.id = checkpoint_id LEFT JOIN circuit ON circuit.result_id = of_task.id"
        " ORDER BY step, of_task.id",
        (model,),
    )
    series: dict[Series, list[ShownResult]] = {}
    for analysis, role, task, *of in (map(cell, row) for row in found):
        series.setdefault((analysis, role, task), []).append(ShownResult(*of))
    return series


def behaviour(db: sqlite3.Connection, result: int) -> tuple[float | None, float | None]:
    """The mean metric and its plain standard error; None where undefined."""
    row = db.execute("SELECT value, stderr_plain FROM behaviour WHERE result_id = ?", (result,)).fetchone()
    return (None, None) if row is None else (row[0], row[1])


def head_scores(db: sqlite3.Connection, result: int) -> Float[np.ndarray, "head 3"]:
    """Layer, head and score, where there is one."""
    cursor = db.cursor()
    cursor.row_factory = None
    found = cursor.execute("SELECT layer, head, value FROM head_score WHERE result_id = ?", (result,))
    rows = np.fromiter(chain.from_iterable(found), float).reshape(-1, 3)  # NULL is NaN
    return rows[~np.isnan(rows[:, 2])]


def reasons(db: sqlite3.Connection, results: Iterable[ShownResult]) -> list[str]:
    """Why scores are missing, each reason once, in the order of steps, layers and heads."""
    of_heads = "SELECT reason FROM head_score WHERE result_id = ? AND value IS NULL ORDER BY layer, head"
    given = (
        cell(row[0]) or of.reason
        for of in results
        for row in db.execute(of_heads, (of.id,)).fetchall() or [(of.reason,)]
    )
    return list(dict.fromkeys(reason for reason in given if reason))


def circuit_heads(db: sqlite3.Connection, model: str, result: int) -> Bool[np.ndarray, "2 layer head"]:
    """Which heads of the model write edges of a circuit, and which read some, by the index space of METHODS a.3."""
    shape = n_layers, n_heads = tuple(
        db.execute("SELECT n_layers, n_heads FROM model WHERE name = ?", (model,)).fetchone()
    )
    ends = "SELECT group_concat(src), group_concat(port) FROM circuit_edge WHERE result_id = ?"
    src, port = (np.fromstring(of or "", int, sep=",") for of in db.execute(ends, (result,)).fetchone())
    at, place = np.divmod(port, 3 * n_heads + 1)
    read = at, np.where(place < 3 * n_heads, place % n_heads, n_heads)
    heads = np.zeros((2, *shape), bool)
    for found, (layer, head) in zip(heads, (np.divmod(src[src > 0] - 1, n_heads + 1), read), strict=True):
        is_head = (layer < n_layers) & (head < n_heads)
        found[layer[is_head], head[is_head]] = True
    return heads
