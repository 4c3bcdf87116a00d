"""What the circuit screen reads of the store: the circuit with its parts, circuits of other sizes, and its nodes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from sqlite3 import Connection
from typing import Any

from circuit_store import queries
from circuit_tui.explorer import role_display
from circuit_tui.explorer.diagram import choice
from circuit_tui.explorer.state import Selection
from circuit_tui.explorer.widgets.notation import head_name

Row = dict[str, Any]


@dataclass(frozen=True)
class Found:
    circuit: queries.CircuitOf | None
    of: str | None = None
    """By what the task's circuits at other checkpoints were found, where there is none here."""
    results: dict[int, int] | None = None
    """Step -> the circuit that is shown there."""
    shape: tuple[int, int] = (0, 0)
    """Layers, and heads in each."""
    edges: Sequence[queries.CircuitEdge] = ()
    """Largest |score| first."""
    core: int | None = None
    """How many of them are core; None if no resamples were drawn."""
    roles: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Head -> the roles that it has."""
    nodes: dict[str, float | None] = field(default_factory=dict)
    """Node -> its own score; None if the circuit was imported without."""
    composition: list[Row] = field(default_factory=list)
    """The columns of the view `composition`."""
    curve: list[Row] = field(default_factory=list)
    """The columns of the view `faithfulness`, smallest circuit first."""

    @property
    def largest(self) -> float:
        """|score| of an edge."""
        return self.circuit.largest if self.circuit else 0.0


@queries.one_state
def read(
    db: Connection, at: Selection, results: dict[int, int] | None, shape: tuple[int, int], scores: list[int]
) -> Found:
    """Args:
    results: step -> the circuit that is shown there, if that is known.
    scores: the results of head scores that answer at the checkpoint.
    """
    if at.model is None or at.step is None or at.task is None:
        return Found(None)
    if results is None:
        results = queries.circuit_results(db, at.model, at.task)
    circuit = queries.circuit_in(db, results[at.step]) if at.step in results else None
    if circuit is None:
        return Found(None, queries.circuits_by(db, at.model, at.task), results)
    roles = {
        head_name(head): held
        for head, strong in queries.strong_in(db, scores).items()
        if (held := tuple(filter(role_display.is_role, strong)))
    }
    result = results[at.step]
    nodes = {row["node"]: row["score"] for row in _rows(db, "nodes", result, ("node", "score"))}
    curve = [row for row in _rows(db, "faithfulness", result) if row["n_edges"] is not None]
    composition = _rows(db, "composition", result)
    edges = circuit.into.all()
    core = choice.core(edges.shares)
    return Found(circuit, None, results, shape, edges, core, roles, nodes, composition, curve)


def _rows(db: Connection, view: str, result: int, columns: tuple[str, ...] = ()) -> list[Row]:
    """Of one result."""
    statement = queries.of_results(queries.view(view), "result.id = ?", columns=columns)
    return [dict(row) for row in db.execute(statement, (result,))]
