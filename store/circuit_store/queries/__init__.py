"""Every question that a pane or a printed view asks of a store, one function each.

All read through the standard library's sqlite3, return plain rows or lists, and compute nothing. What takes several
statements reads one state of the store: results come and are replaced while one looks on.
"""

from circuit_store.queries.arrangement import Arrangement
from circuit_store.queries.circuits import (
    CircuitEdge,
    CircuitOf,
    Edges,
    PatchOf,
    StoredCircuit,
    circuit,
    circuit_in,
    circuit_results,
    circuits_by,
    patch,
    stored_circuit,
)
from circuit_store.queries.events import Event, events
from circuit_store.queries.heads import (
    Attended,
    HeadGrid,
    RoleSet,
    RoleTasks,
    attended,
    curve,
    grid_of,
    head_grid,
    role_set,
    role_tasks,
    scored,
    scores_of_head,
    set_of,
    strong_in,
)
from circuit_store.queries.models import (
    CheckpointRow,
    Holding,
    behaviour,
    by_size,
    checkpoints,
    holdings,
    roles,
    tasks,
)
from circuit_store.queries.narrowing import narrowed
from circuit_store.queries.results import ResultOrigin, provenance
from circuit_store.queries.study import TopHeads, Training, of_sizes, of_tasks, top_heads, training
from circuit_store.queries.views import data_version, each, found, of_results, one_state, rows, streamed, takes, view

__all__ = [
    "Arrangement",
    "Attended",
    "CheckpointRow",
    "CircuitEdge",
    "CircuitOf",
    "Edges",
    "Event",
    "HeadGrid",
    "Holding",
    "PatchOf",
    "ResultOrigin",
    "RoleSet",
    "RoleTasks",
    "StoredCircuit",
    "TopHeads",
    "Training",
    "attended",
    "behaviour",
    "by_size",
    "checkpoints",
    "circuit",
    "circuit_in",
    "circuit_results",
    "circuits_by",
    "curve",
    "data_version",
    "each",
    "events",
    "found",
    "grid_of",
    "head_grid",
    "holdings",
    "narrowed",
    "of_results",
    "of_sizes",
    "of_tasks",
    "one_state",
    "patch",
    "provenance",
    "role_set",
    "role_tasks",
    "roles",
    "rows",
    "scored",
    "scores_of_head",
    "set_of",
    "stored_circuit",
    "streamed",
    "strong_in",
    "takes",
    "tasks",
    "top_heads",
    "training",
    "view",
]
