"""Every question that a pane or a printed view asks of a store, one function each.

All read through the standard library's sqlite3, return plain rows or lists, and compute nothing. What takes several
statements reads one state of the store: results come and are replaced while one looks on.
"""

from circuit_store.queries.arrangement import Arrangement
from circuit_store.queries.circuits import (
    CircuitEdge,
    CircuitOf,
    PatchOf,
    StoredCircuit,
    circuit,
    circuits_by,
    patch,
    stored_circuit,
)
from circuit_store.queries.heads import (
    Attended,
    HeadGrid,
    RoleSet,
    RoleTasks,
    ScorePoint,
    attended,
    head_grid,
    head_history,
    history_of,
    role_set,
    role_tasks,
    scored,
    scores_of_head,
    strong_in,
)
from circuit_store.queries.models import (
    CheckpointRow,
    Holding,
    behaviour,
    checkpoints,
    holdings,
    roles,
    tasks,
)
from circuit_store.queries.narrowing import narrowed
from circuit_store.queries.results import ResultOrigin, provenance
from circuit_store.queries.views import data_version, each, found, of_result, one_state, rows, streamed, takes, view

__all__ = [
    "Arrangement",
    "Attended",
    "CheckpointRow",
    "CircuitEdge",
    "CircuitOf",
    "HeadGrid",
    "Holding",
    "PatchOf",
    "ResultOrigin",
    "RoleSet",
    "RoleTasks",
    "ScorePoint",
    "StoredCircuit",
    "attended",
    "behaviour",
    "checkpoints",
    "circuit",
    "circuits_by",
    "data_version",
    "each",
    "found",
    "head_grid",
    "head_history",
    "history_of",
    "holdings",
    "narrowed",
    "of_result",
    "one_state",
    "patch",
    "provenance",
    "role_set",
    "role_tasks",
    "roles",
    "rows",
    "scored",
    "scores_of_head",
    "stored_circuit",
    "streamed",
    "strong_in",
    "takes",
    "tasks",
    "view",
]
