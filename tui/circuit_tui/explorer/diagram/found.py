"""What the circuit screen reads of the store: the circuit with its parts, circuits of other sizes, and its nodes."""

from dataclasses import dataclass, field
from sqlite3 import Connection
from typing import Any

from circuit_store import queries
from circuit_tui.explorer import role_display
from circuit_tui.explorer.state import Selection
from circuit_tui.explorer.widgets.circuit_lines import largest
from circuit_tui.explorer.widgets.notation import head_name


@dataclass(frozen=True)
class Found:
    circuit: queries.CircuitOf | None
    of: str | None
    """By what the task's circuits at other checkpoints were found, where there is none here."""
    shape: tuple[int, int] = (0, 0)
    """Layers, and heads in each."""
    largest: float = 0.0
    """|score| of an edge."""
    roles: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Head -> the roles that it has."""
    nodes: dict[str, float | None] = field(default_factory=dict)
    """Node -> its own score; None if the circuit was imported without."""
    curve: list[dict[str, Any]] = field(default_factory=list)
    """The columns of the view `faithfulness`, smallest circuit first."""


@queries.one_state
def read(db: Connection, at: Selection, shape: tuple[int, int], scores: list[int]) -> Found:
    """Args:
    scores: the results of head scores that answer at the checkpoint.
    """
    if at.model is None or at.step is None or at.task is None:
        return Found(None, None)
    circuit = queries.circuit(db, at.model, at.step, at.task)
    if circuit is None:
        return Found(None, queries.circuits_by(db, at.model, at.task))
    roles = {
        head_name(head): held
        for head, strong in queries.strong_in(db, scores).items()
        if (held := tuple(filter(role_display.is_role, strong)))
    }
    wanted = queries.Arrangement(columns=("node", "score"))
    nodes = queries.of_result(db, queries.view("nodes"), circuit.result, wanted)
    sizes = queries.of_result(db, queries.view("faithfulness"), circuit.result)
    curve = [dict(row) for row in sizes if row["n_edges"] is not None]
    return Found(circuit, None, shape, largest(circuit.edges), roles, dict(map(tuple, nodes)), curve)
