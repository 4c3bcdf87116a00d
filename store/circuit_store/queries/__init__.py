"""Every question that a pane or a printed view asks of a store, one function each.

All read through the standard library's sqlite3, return plain rows or lists, and compute nothing. What takes several
statements reads one state of the store: results come and are replaced while one looks on.
"""

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
    answering,
    attended,
    head_grid,
    head_history,
    role_set,
    role_tasks,
    scored,
    scores_of_head,
    strong_roles,
)
from circuit_store.queries.models import (
    CheckpointRow,
    Holding,
    all_tasks,
    behaviour,
    checkpoints,
    holdings,
    roles,
    tasks,
)
from circuit_store.queries.results import ResultOrigin, provenance
from circuit_store.queries.views import data_version, each, one_state, rows, takes, view

__all__ = [
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
    "all_tasks",
    "answering",
    "attended",
    "behaviour",
    "checkpoints",
    "circuit",
    "circuits_by",
    "data_version",
    "each",
    "head_grid",
    "head_history",
    "holdings",
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
    "strong_roles",
    "takes",
    "tasks",
    "view",
]
