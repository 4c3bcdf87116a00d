"""What computing has taken so far: mean seconds of each analysis, and of a checkpoint besides them, model by model.

What the first checkpoint of a run and slot takes stands apart: there a worker starts.
"""

import sqlite3
from dataclasses import dataclass, field
from typing import Any

from circuit_store.queue.states import UnitState

Work = tuple[str, str | None, str | None, str, str, bool]
"""Analysis, role, hash of the task, parameters as the store writes them, dtype, and whether on a GPU."""


_WORK = (
    "SELECT analysis, role, task.hash, result.params, dtype, device LIKE 'cuda%' AS gpu, model.name, avg(seconds)"
    " FROM result JOIN checkpoint ON checkpoint.id = checkpoint_id JOIN model ON model.id = model_id"
    " LEFT JOIN task ON task.id = task_id GROUP BY 1, 2, 3, 4, 5, 6, 7"
)
_LOADING = (
    "WITH ended AS (SELECT *, row_number() OVER (PARTITION BY run_id, slot ORDER BY id) = 1 AS first FROM unit"
    " WHERE seconds IS NOT NULL)"
    " SELECT first, ended.device LIKE 'cuda%' AS gpu, model.name, avg(max(0, ended.seconds - (SELECT total(seconds)"
    " FROM result WHERE (run_id, checkpoint_id) = (ended.run_id, ended.checkpoint_id)))) FROM ended"
    " JOIN checkpoint ON checkpoint.id = checkpoint_id JOIN model ON model.id = model_id"
    f" WHERE ended.state = '{UnitState.DONE}' AND ended.device IS NOT NULL GROUP BY 1, 2, 3"
)


@dataclass(frozen=True)
class Costs:
    """Seconds by model."""

    work: dict[Work, dict[str, float]] = field(default_factory=dict)
    loading: dict[bool, dict[str, float]] = field(default_factory=dict)
    """Of a unit, without its analyses, and not the first of a run and slot; by whether on a GPU."""
    first: dict[bool, dict[str, float]] = field(default_factory=dict)
    """Of those that are, likewise."""
    params: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, db: sqlite3.Connection) -> "Costs":
        """Means over all results and finished units."""
        found = cls(params=dict(db.execute("SELECT name, params FROM model WHERE params > 0").fetchall()))
        for *work, gpu, model, seconds in db.execute(_WORK):
            key: Any = (*work, bool(gpu))
            found.work.setdefault(key, {})[model] = seconds
        for first, gpu, model, seconds in db.execute(_LOADING):
            (found.first if first else found.loading).setdefault(bool(gpu), {})[model] = seconds
        return found
