"""The circuit of the selection's task: drawn layer by layer, edge by edge, what it is made of, and how faithful it is.

Where there is no room for all, one part is shown at a time.
"""

from collections.abc import Callable, Sequence
from functools import partial
from sqlite3 import Connection
from typing import Any

from rich.text import Text
from textual.app import ComposeResult

from circuit_store.queries import CircuitEdge
from circuit_tui.explorer import bindings
from circuit_tui.explorer.diagram import about, choice, found
from circuit_tui.explorer.diagram.found import Found
from circuit_tui.explorer.diagram.places import node
from circuit_tui.explorer.screens.follower import Panes
from circuit_tui.explorer.screens.full_screen import Part
from circuit_tui.explorer.screens.grid_screen import GridScreen
from circuit_tui.explorer.state import Selection
from circuit_tui.explorer.widgets import composition
from circuit_tui.explorer.widgets.circuit_lines import FLOORS, edge_line, why_none
from circuit_tui.explorer.widgets.diagram import Diagram
from circuit_tui.explorer.widgets.live_text import ChangedLines, Note
from circuit_tui.explorer.widgets.notation import head_name, plain
from circuit_tui.explorer.widgets.sizes import Sizes

_ABOUT = (
    "The circuit of a task: which heads and MLPs the logits read, upstream. None is computed yet: ctrl+r starts a run."
)
_ROOM = 100, 32
"""Columns and lines from which on all parts are shown at once."""
_LEGEND = 30
"""Lines of the screen from which on there is one for what edges look like."""
_VIEWS = {"diagram": "circuit", "edges": "circuit", "composition": "composition", "faithfulness": "faithfulness"}
"""Part -> the view that it shows."""


class CircuitScreen(GridScreen):
    NAME = "circuit"
    PARTS = ("diagram", "edges", "composition", "faithfulness")
    BINDINGS = [*bindings.of(), *bindings.of("screen.circuit")]
    analysis = "circuit"
    DEFAULT_CSS = """
    CircuitScreen #parts { grid-size: 2 3; grid-columns: 1fr 49; grid-rows: 13fr 10fr 12fr; }
    CircuitScreen.-wide #parts { grid-columns: 1fr 62; }
    CircuitScreen #diagram { row-span: 3; }
    CircuitScreen #about { height: 3; color: $foreground; }
    CircuitScreen #about.-empty { display: block; }
    """

    def __init__(self, main: Panes):
        super().__init__(main)
        self.floor: int | None = 0
        """Which of `FLOORS`; at the first as many edges as there is room for. None: all."""
        self._results: dict[int, int] | None = None
        """Step -> the circuit that is shown there, if the store has told it of `_known`."""
        self._known: tuple[Any, ...] = ()

    def compose_parts(self) -> ComposeResult:
        with Part(id="diagram"):
            yield Note(id="counts")
            yield Diagram(self._describe)
            yield Note(id="about")
        with Part(id="edges"):
            yield ChangedLines(self._edge, lambda: None)
        with Part(id="composition"):
            yield ChangedLines(self._kind, lambda: None)
        yield Sizes("faithfulness")

    def on_mount(self) -> None:
        self.query_one("#parts").display = False  # until there is something to draw

    @property
    def diagram(self) -> Diagram:
        return self.query_one(Diagram)

    @property
    def circuit(self) -> Found:
        """What is shown."""
        return self._found[1] if self._found else Found(None)

    def read(self, at: Selection) -> Callable[[Connection], Found]:
        look = self.main.look
        assert look
        held, known = look.held, (look.version, at.model, at.task)
        if known != self._known:
            self._known, self._results = known, None
        elif self._found and self._results is None:
            self._results = self._found[1].results
        model = held.model or {}
        shape = model.get("n_layers") or 0, model.get("n_heads") or 0
        return partial(
            found.read, at=at, results=self._results, shape=shape, scores=held.role_tasks.at(at.step, at.task)
        )

    def show(self, at: Selection, found: Found) -> None:
        circuit = found.circuit
        if at.task is None or circuit is None or not found.edges:
            return self.vacant(why_none(at, circuit, found.of) if at.task else _ABOUT)
        header = circuit.header
        sizes = f"{header['n_edges']:,} of {header['n_edges_total']:,} edges", f"{header['n_nodes']} nodes"
        undefined = [plain(header["reason"])] if header["reason"] else []
        self.query_one("#diagram", Part).title(plain(at.task), *sizes, *undefined)
        self._draw_diagram()
        drawn = f"{header['resamples']} " if header["resamples"] else ""
        resampled = [f"share of {drawn}resamples"] if found.core is not None else []
        self.query_one("#edges", Part).title("edges", "score ± SE", *resampled)
        self._lines("edges", found.edges)
        self.query_one("#composition", Part).title("made of", "% of |score|, by where it is read")
        self._lines("composition", composition.ordered(found.composition))
        self.query_one(Sizes).show(found)
        if self.focused is None:
            self.show_part(self.current)

    def _lines(self, part: str, rows: Sequence[Any]) -> None:
        lines = self.query_one(f"#{part} ChangedLines", ChangedLines)
        lines.update(rows, lines.cursor)

    def _draw_diagram(self) -> None:
        of = self.circuit
        floor = None if self.floor is None else FLOORS[self.floor] * of.largest
        self.diagram.show(of.edges, of.largest, of.shape, of.roles, self._head, floor)
        self._describe()

    @property
    def _head(self) -> str:
        head = self.main.look.at.head if self.main.look else None
        return head_name(head) if head else ""

    def point(self) -> None:
        """Another head is selected."""
        self.diagram.point(self._head)

    def _describe(self) -> None:
        """How much is drawn, and the node under the cursor."""
        if not self._found or not self.stands or not self.circuit.circuit:
            return
        of, width = self.circuit, self.diagram.size.width - 2
        self.query_one("#counts", Note).say(self._counts(of.edges))
        self.query_one("#about", Note).say(about.node(self.diagram.here, of, max(20, width), self.colours))

    def _counts(self, edges: Sequence[CircuitEdge]) -> Text:
        """Edges that are drawn and core ones; where there is room, a line more says what their looks mean."""
        line = Text(choice.counted(self.diagram.choice, edges, self.circuit.largest), no_wrap=True, overflow="ellipsis")
        core = self.circuit.core
        line.append(f" · {'no resamples' if core is None else f'{core:,} core'}")
        if self.size.height < _LEGEND:
            return line
        line.append("\n━ core, in ≥ 90 % of resamples   ╌ in fewer   " if core is not None else "\n")
        return line.append("helps", self.colours.helps).append("   ").append("− hurts", self.colours.hurts)

    def _edge(self, edge: CircuitEdge, width: int) -> Text:
        return edge_line(edge, width, self.circuit.largest, self.colours)

    def _kind(self, row: dict[str, Any], width: int) -> Text:
        return composition.line(row, width, self.colours)

    def _arrange(self) -> None:
        """The diagram at the left, the other parts below each other at the right; or one at a time."""
        self.set_class(self.zoomed or self.size.width < _ROOM[0] or self.size.height < _ROOM[1], "-single")

    @property
    def lines(self) -> ChangedLines | None:
        """Of the part that is gone through."""
        return next(iter(self.query(f"#{self.current} ChangedLines").results(ChangedLines)), None)

    def action_move(self, where: str) -> None:
        if self.current == "diagram":
            self.diagram.move(where)
        elif (lines := self.lines) and where not in ("left", "right"):
            lines.move(where)

    def action_open(self) -> None:
        """Select the head under the cursor; of an edge what writes it, which the diagram shows then."""
        name = self.diagram.here
        if self.current == "edges" and (lines := self.lines) and lines.row:
            name = lines.row.src
            self.diagram.go(name)
        elif self.current != "diagram":
            return
        of = node(name)
        if of.kind == "head":
            self.choose(head=(of.layer, of.head))
        else:
            self.main.say(f"{name} is no head: only heads can be selected.")

    def action_threshold(self, direction: int) -> None:
        """From all edges over those that have room to the strongest alone."""
        place = -1 if self.floor is None else self.floor
        there = max(-1, min(place + direction, len(FLOORS) - 1))
        self.floor = None if there < 0 else there
        if self._found:
            self._draw_diagram()

    def action_reset(self) -> None:
        self.floor = 1
        self.action_threshold(-1)

    def copied(self, row: bool) -> str:
        """A node or an edge; the row of an edge, of what the circuit is made of, or of the node with its score."""
        under = self.lines.row if self.lines else None
        if isinstance(under, CircuitEdge):
            return "\t".join("" if cell is None else f"{cell}" for cell in under) if row else under.name
        if isinstance(under, dict):
            return "\t".join("" if cell is None else f"{cell}" for cell in under.values())
        if self.current != "diagram" or not self.circuit.circuit:
            return ""
        here = self.diagram.here
        score = self.circuit.nodes.get(here)
        return f"{here}\t{'' if score is None else score}" if row else here

    def views(self, at: Selection) -> dict[str, dict[str, Any]]:
        here = {"model": at.model, "step": at.step, "task": at.task}
        return {_VIEWS[self.current]: here} if at.task else {}
