"""The edges of the task's circuit into a head, or out of it."""

from collections.abc import Callable
from typing import Any

from rich.text import Text

from circuit_store import queries
from circuit_tui.explorer.head.part import HeadPart, here, task_of
from circuit_tui.explorer.one_head import OneHead
from circuit_tui.explorer.state import Head, Selection, ViewState, head_of
from circuit_tui.explorer.widgets.head_edges import edge_line
from circuit_tui.explorer.widgets.notation import digits_for, finite, head_name, plain, signed

BY_SCORE, BY_PORT = "|score|", "port"


class Edges(HeadPart):
    """`order`: by |score|, or port by port."""

    ANALYSIS, GONE_ALONG = "circuit", True
    INTO: bool

    def __init__(self) -> None:
        super().__init__()
        self.order = BY_SCORE
        self._largest = 0.0
        self._roles: dict[Head, tuple[str, ...]] = {}

    def fill(self, look: ViewState, at: Selection, found: OneHead, command: Callable[[str], str]) -> None:
        edges = found.edges.into if self.INTO else found.edges.out
        self._roles = found.roles
        self._largest = max((abs(finite(e.score) or 0.0) for e in found.edges.into + found.edges.out), default=0.0)
        title = ["Edges in" if self.INTO else "Edges out", task_of(at)]
        if edges:
            title += [f"{len(edges)} by {self.order}", f"bar {signed(self._largest, digits_for(self._largest))}"]
        if self.order == BY_PORT:
            edges = sorted(edges, key=lambda edge: "qkv".find(edge.port or "-"))
        self.put(title, edges, self.cursor(at, len(edges)), self._why_none(at, found, command))

    def _why_none(self, at: Selection, found: OneHead, command: Callable[[str], str]) -> str:
        circuit, head, task = found.circuit, head_name(found.head), plain(at.task)
        if at.task is None:
            return "What the head reads and writes in a task's circuit: no task has one yet."
        if circuit is None:
            return f"No circuit of {task} is computed at step {at.step}: {command('circuit')}"
        if not circuit.n_edges:
            return f"There is no circuit of {task} at step {at.step}: {plain(circuit.reason or 'no edges')}."
        if circuit.result not in found.over.within:
            return f"{head} is not in the circuit of {task} at step {at.step}."
        return f"{head} {'reads' if self.INTO else 'writes'} nothing in this circuit."

    def reorder(self) -> None:
        """To the other order; the cursor goes to the top."""
        self.order = BY_PORT if self.order == BY_SCORE else BY_SCORE
        self._of = ()

    def line(self, row: queries.CircuitEdge, width: int) -> Text:
        other = head_of(row.src if self.INTO else row.dst)
        roles = self._roles.get(other, ()) if other else ()
        return edge_line(row, self.INTO, roles, self._largest, width, self.colours)

    @property
    def node(self) -> str:
        edge = self.body.row
        return "" if edge is None else edge.src if self.INTO else edge.dst

    def copied(self) -> str:
        edge = self.body.row
        return "" if edge is None else f"{edge.src}->{edge.dst}" + (f"<{edge.port}>" if edge.port else "")

    def views(self, at: Selection) -> dict[str, dict[str, Any]]:
        return {"circuit": here(at)} if at.task else {}


class EdgesIn(Edges):
    NAME, INTO = "edges-in", True


class EdgesOut(Edges):
    NAME, INTO = "edges-out", False
