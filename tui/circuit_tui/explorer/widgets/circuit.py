"""The circuit of a task: a tree from the logits upstream, each edge with its port and its score."""

from collections.abc import Callable
from functools import partial
from sqlite3 import Connection
from typing import Any

from rich.text import Text
from textual.app import ComposeResult

from circuit_store import queries
from circuit_tui.explorer import bindings, role_display
from circuit_tui.explorer.state import Head, Selection, ViewState, head_of
from circuit_tui.explorer.widgets.circuit_lines import FLOORS, branch_line, why_none, worth
from circuit_tui.explorer.widgets.circuit_tree import ROOT, Branch, Path, branches, everything
from circuit_tui.explorer.widgets.cursor_lines import Lines
from circuit_tui.explorer.widgets.live_text import Note
from circuit_tui.explorer.widgets.notation import plain
from circuit_tui.explorer.widgets.pane import Pane


class Circuit(Pane):
    NAME = "circuit"
    ABOUT = "The circuit of a task: which heads and MLPs the logits read, upstream, with each edge's score."
    BINDINGS = bindings.of("circuit")
    RESTS_ON = ("circuit", "heads")
    _marked: Head | None = None

    def __init__(self) -> None:
        super().__init__()
        self.circuit: queries.CircuitOf | None = None
        self.of: str | None = None
        """By what the task's circuits at other checkpoints were found, where there is none here."""
        self.roles: dict[Head, tuple[str, ...]] = {}
        self._results: dict[int, int] | None = None
        """Step -> the circuit that is shown there; None until the store has told it of `_known`."""
        self._known: tuple[Any, ...] = ()
        self.rows: list[Branch] = []
        self.opened: set[Path] = {ROOT}
        self.here: Path = ROOT
        self.floor = 0
        self.largest = 0.0

    def compose(self) -> ComposeResult:
        yield Note()
        yield Lines(lambda index, width: self.line(self.rows[index], width), self._moved)

    @property
    def body(self) -> Lines:
        return self.query_one(Lines)

    def needs(self, at: Selection) -> tuple[Any, ...]:
        return at.model, at.step, at.task

    def read(self, look: ViewState) -> Callable[[Connection], Any]:
        known = (look.version[0], self.stamp(look), look.at.model, look.at.task)
        if known != self._known:
            self._known, self._results = known, None
        return partial(
            _read, at=look.at, results=self._results, scores=look.held.role_tasks.at(look.at.step, look.at.task)
        )

    def hold(self, found: "_Found") -> None:
        self.circuit, self.of, self.roles, self._results = found
        self.largest = self.circuit.largest if self.circuit else 0.0

    def draw(self) -> None:
        reason = self._why_empty()
        self._headline()
        self._marked = self.at.head
        into = self.circuit.into if self.circuit and not reason else {}
        self.rows = branches(into, self.opened, FLOORS[self.floor] * self.largest) if into else []
        places = {branch.path: i for i, branch in enumerate(self.rows)}
        near = next((self.here[:n] for n in range(len(self.here), 0, -1) if self.here[:n] in places), ROOT)
        self.body.show(len(self.rows), places.get(near, 0), reason)

    def point(self) -> None:
        """Another head is chosen: its rows are marked."""
        changed = {self._marked, self.at.head} - {None} if self._marked != self.at.head else set()
        self._marked = self.at.head
        for index, branch in enumerate(self.rows):
            if head_of(branch.node) in changed:
                self.body.refresh_line(index)

    def vacant(self, reason: str) -> None:
        self.circuit, self.rows = None, []
        self.query_one(Note).say(Text())
        self.body.show(0, 0, reason)

    def _why_empty(self) -> str:
        at = self.at
        if at.task is None:
            return f"{self.ABOUT} None is computed yet."
        return why_none(at, self.circuit, self.of)

    def _headline(self) -> None:
        """The title, and below it what the circuit is worth."""
        header = self.circuit.header if self.circuit else None
        sizes = [f"{header['n_edges']:,} of {header['n_edges_total']:,} edges"] if header and header["n_edges"] else []
        self.title(*([plain(self.at.task)] if self.at.task else []), *sizes)
        said = worth(self.circuit, FLOORS[self.floor]) if self.circuit and sizes else ""
        self.query_one(Note).say(Text(said))

    def line(self, branch: Branch, width: int) -> Text:
        head = head_of(branch.node)
        here = head is not None and head == self.at.head
        held = self.roles.get(head, ()) if head else ()
        return branch_line(branch, width, here, held, self.largest, self.colours)

    @property
    def branch(self) -> Branch | None:
        return self.rows[self.body.cursor] if self.rows else None

    def _moved(self) -> None:
        if branch := self.branch:
            self.here = branch.path
            if head := head_of(branch.node):
                self.wish(head=head)

    def action_move(self, where: str) -> None:
        self.body.move(where)

    def action_expand(self) -> None:
        if not (branch := self.branch) or not branch.opens:
            return
        if branch.open:
            self.body.move("down")
        else:
            self.opened.add(branch.path)
            self.draw()

    def action_fold(self) -> None:
        if not (branch := self.branch):
            return
        if branch.open:
            self.opened.discard(branch.path)
            self.draw()
        else:
            self._go(branch.path[:-1])

    def action_sibling(self, direction: int) -> None:
        if branch := self.branch:
            level = [b.path for b in self.rows if b.path[:-1] == branch.path[:-1]]
            beside = level.index(branch.path) + direction
            self._go(level[max(0, min(beside, len(level) - 1))])

    def action_threshold(self, direction: int) -> None:
        self.floor = max(0, min(self.floor + direction, len(FLOORS) - 1))
        self.draw()

    def action_expand_all(self) -> None:
        if self.circuit:
            self.opened = everything(self.circuit.into, FLOORS[self.floor] * self.largest)
            self.draw()

    def action_fold_all(self) -> None:
        self.opened = {ROOT}
        self.draw()

    def action_reset(self) -> None:
        self.floor = 0
        self.action_fold_all()

    def _go(self, path: Path) -> None:
        self.body.go(next((i for i, b in enumerate(self.rows) if b.path == path), self.body.cursor))

    def filters(self) -> dict[str, Any] | None:
        if self.at.task is None:
            return None
        return {"model": self.at.model, "step": self.at.step, "task": self.at.task}

    def row(self) -> dict[str, Any] | None:
        if not (branch := self.branch) or not branch.edge:
            return None
        edge = branch.edge
        return {"src": edge.src, "dst": edge.dst} | ({"port": edge.port} if edge.port else {})

    def value(self) -> str:
        """The edge, as circuits name it."""
        if not (branch := self.branch):
            return ""
        return branch.edge.name if branch.edge else "logits"


_Found = tuple[queries.CircuitOf | None, str | None, dict[Head, tuple[str, ...]], dict[int, int] | None]


@queries.one_state
def _read(db: Connection, at: Selection, results: dict[int, int] | None, scores: list[int]) -> _Found:
    """The circuit, or by what those at other checkpoints were found; the roles of its heads; and which circuits are
    shown over training, unless that is known.
    """
    if at.model is None or at.step is None:
        return None, None, {}, results
    if results is None:
        results = queries.circuit_results(db, at.model, at.task) if at.task else {}
    circuit = queries.circuit_in(db, results[at.step]) if at.step in results else None
    of = queries.circuits_by(db, at.model, at.task) if at.task and not circuit else None
    strong = queries.strong_in(db, scores)
    return circuit, of, {head: tuple(filter(role_display.is_role, held)) for head, held in strong.items()}, results
