"""The circuit as a layered diagram with a cursor that goes from node to node.

What a key changes is drawn anew, cell by cell: a step through training or a move of the cursor leaves the rest alone.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from circuit_store.queries import CircuitEdge
from circuit_tui.explorer.diagram import choice, dots
from circuit_tui.explorer.diagram.choice import Choice
from circuit_tui.explorer.diagram.labels import Label, forms, labels
from circuit_tui.explorer.diagram.looks import Looks
from circuit_tui.explorer.diagram.places import LOGITS, Grid, node

Cell = tuple[str, Style]
_BLANK: Cell = (" ", Style.null())


class Diagram(ScrollView, can_focus=True, inherit_bindings=False):
    """`moved` hears of every move of the cursor by the user, and of other edges that are drawn."""

    DEFAULT_CSS = """
    Diagram { overflow-x: hidden; scrollbar-size-vertical: 1; height: 1fr; }
    """

    def __init__(self, moved: Callable[[], None]):
        super().__init__()
        self.moved = moved
        self.edges: Sequence[CircuitEdge] = ()
        self.choice = Choice()
        self.largest = 0.0
        self.wish = LOGITS
        """The node on which the cursor was put, whether it is drawn here or not."""
        self._roles: Mapping[str, Sequence[str]] = {}
        self._shape = (0, 0)
        self._head = ""
        self._floor: float | None = 0.0
        self._grid = Grid(0, 0, 1, 1)
        self._labels: dict[str, Label] = {}
        self._cells: dots.Cells = {}
        self._rows: list[list[Cell]] = []
        self._strips: dict[int, Strip] = {}
        self._looks: Looks | None = None

    def show(
        self,
        edges: Sequence[CircuitEdge],
        largest: float,
        shape: tuple[int, int],
        roles: Mapping[str, Sequence[str]],
        head: str,
        floor: float | None,
    ) -> None:
        """Args:
        edges: largest first.
        shape: layers, and heads in each.
        roles: head -> its roles.
        head: the selected one.
        floor: the least |score| that is drawn; 0: as many edges as there is room for; None: all.
        """
        self.edges, self.largest, self._shape, self._roles = edges, largest, shape, roles
        self._head, self._floor = head, floor
        self._lay_out()

    def point(self, head: str) -> None:
        """Another head is selected."""
        if head != self._head:
            self._head = head
            self._paint()

    @property
    def here(self) -> str:
        """The node under the cursor: where it was put, or the nearest that is drawn."""
        if self.wish in self._labels or not self._labels:
            return self.wish
        grid = self._grid
        row, column = grid.row(self.wish), grid.column(self.wish)
        return min(self._labels, key=lambda name: (abs(grid.row(name) - row), abs(grid.column(name) - column)))

    def _lay_out(self) -> None:
        width, height = self.scrollable_content_region.width, self.size.height
        if width < 1 or height < 1:
            return
        grid = self._grid = Grid(*self._shape, width, height)
        most = choice.room(width, height) if self._floor == 0 else None
        self.choice = choice.chosen(self.edges, grid, most, self._floor or 0.0)
        self._labels = labels(self.choice.nodes, self._roles, grid)
        self._looks = Looks(self.app.current_theme.dark)
        self._cells = {}
        for edge in reversed(self.choice.edges):
            self._draw(self._cells, edge, lit=False)
        self.virtual_size = Size(width, grid.rows if self.edges else 0)
        self._paint()
        self.call_after_refresh(self._scroll_to_cursor)

    def _draw(self, cells: dots.Cells, edge: CircuitEdge, lit: bool) -> None:
        grid = self._grid
        weight = choice.size(edge) / self.largest if self.largest else 1.0
        ends = (grid.row(edge.src), grid.column(edge.src)), (grid.row(edge.dst), grid.port(edge.dst, edge.port))
        if node(edge.dst).kind == "mlp" and ends[1][0] + 1 >= ends[0][0]:  # beside it: it enters from the left
            ends = ends[0], (ends[1][0], ends[1][1] - 3)
        dashed = edge.share is not None and edge.share < choice.CORE
        dots.edge(cells, *ends, Looks.edge(edge.score, weight, lit), weight >= Looks.HEAVY, dashed)

    def _paint(self) -> None:
        """Put the cells together, and draw those anew that changed."""
        if self._looks is None:
            return
        before, self._rows = self._rows, self._put_together(self._looks)
        if len(before) != len(self._rows) or (before and len(before[0]) != self._grid.width):
            self._strips.clear()
            self.refresh()
            return
        changed = [y for y, (old, new) in enumerate(zip(before, self._rows, strict=True)) if old != new]
        for y in changed:
            self._strips.pop(y, None)
        top = self.scroll_offset.y
        seen = [y for y in changed if 0 <= y - top < self.size.height]
        if seen:
            self.refresh(Region(0, seen[0] - top, self._grid.width, seen[-1] - seen[0] + 1))

    def _put_together(self, looks: Looks) -> list[list[Cell]]:
        grid, here = self._grid, self.here
        rows = [[_BLANK] * grid.width for _ in range(grid.rows if self._labels else 0)]
        lit: dots.Cells = {}
        for edge in reversed(self.choice.edges):
            if here in edge[:2]:
                self._draw(lit, edge, lit=True)
        for (y, x), (bits, look) in (*self._cells.items(), *lit.items()):
            if 0 <= y < len(rows) and 0 <= x < grid.width:
                rows[y][x] = dots.character(bits), looks.of[look]
        if rows:
            for layer in range(grid.layers):
                _write(rows[grid.row_of(layer)], 0, f"L{layer}", looks.muted)
            for edge in reversed(self.choice.edges):
                self._write_port(rows, edge, looks, here in edge[:2])
        for name, label in self._labels.items():
            if name != here:
                self._write_label(rows[label.row], label, looks, looks.head if name == self._head else looks.name)
        if here in self._labels:
            self._write_label(rows[grid.row(here)], self._full(here), looks, looks.here)
        return rows

    def _full(self, name: str) -> Label:
        """Of the node under the cursor: with its name, whatever stands beside it."""
        label = self._labels[name]
        pieces = next((form for form in forms(name, self._roles.get(name, ())) if name in form[-1][0]), label.pieces)
        pieces = pieces if len(label.pieces) < len(pieces) or name not in label.pieces[-1][0] else label.pieces
        column = self._grid.column(name) - sum(len(text) for text, _ in pieces) // 2
        return Label(label.row, max(0, min(column, self._grid.width - sum(len(t) for t, _ in pieces))), pieces)

    def _write_port(self, rows: list[list[Cell]], edge: CircuitEdge, looks: Looks, lit: bool) -> None:
        """At the end of an edge: where it is read, and a minus sign if it hurts."""
        minus = (edge.score or 0) < 0
        if not edge.port and not minus:
            return
        style = looks.of[Looks.edge(edge.score, 1.0, lit)]
        row, column = self._grid.row(edge.dst) + 1, self._grid.port(edge.dst, edge.port)
        if node(edge.dst).kind == "mlp" and row >= self._grid.row(edge.src):
            row, column = row - 1, column - 3
        _write(rows[row], column, edge.port or "−", style)
        if edge.port and minus and self._grid.port(edge.dst, "v") - self._grid.column(edge.dst) > 1:
            _write(rows[row], column - 1, "−", style)

    def _write_label(self, row: list[Cell], label: Label, looks: Looks, name: Style) -> None:
        column = label.column
        for text, role in label.pieces:
            _write(row, column, text, name if role is None else looks.badge(role))
            column += len(text)

    def move(self, where: str) -> None:
        """To the nearest node that way, to the logits or the input, or half a screen on."""
        if not self._labels:
            return
        grid, here = self._grid, self.here
        level, column = grid.level(here), grid.column(here)
        if where in ("first", "last"):
            return self.go((max if where == "first" else min)(self._labels, key=grid.level))
        if where in ("left", "right"):
            way = 1 if where == "right" else -1
            there = [n for n in self._labels if grid.level(n) == level and (grid.column(n) - column) * way > 0]
        else:
            way = -1 if where in ("down", "page_down") else 1
            most = max(1, self.size.height // 2 // grid.pitch) if "page" in where else 1
            levels = sorted({n for n in map(grid.level, self._labels) if (n - level) * way > 0}, reverse=way < 0)
            there = [n for n in self._labels if levels and grid.level(n) == levels[:most][-1]]
        self.go(min(there, key=lambda name: abs(grid.column(name) - column), default=here))

    def go(self, name: str) -> None:
        """Put the cursor on a node, and say so."""
        self.wish = name
        self._paint()
        self._scroll_to_cursor()
        self.moved()

    def _scroll_to_cursor(self) -> None:
        if self._labels:
            top = max(0, self._grid.row(self.here) - self._grid.pitch)
            region = Region(0, top, 1, min(2 * self._grid.pitch + 1, self.size.height))
            self.scroll_to_region(region, animate=False, force=True, immediate=True)

    def on_resize(self) -> None:
        self._rows = []
        self._lay_out()
        self.moved()

    def on_click(self, event: events.Click) -> None:
        y = event.y + self.scroll_offset.y
        for name, label in self._labels.items():
            if label.row == y and label.column <= event.x < label.end:
                return self.go(name)

    def render_line(self, y: int) -> Strip:
        y += self.scroll_offset.y
        width = self.scrollable_content_region.width
        if y >= len(self._rows):
            return Strip.blank(width, self.rich_style)
        if y not in self._strips:
            parts = groupby(self._rows[y], key=lambda cell: cell[1])
            segments = [Segment("".join(text for text, _ in part), style) for style, part in parts]
            self._strips[y] = Strip(segments, len(self._rows[y]))
        return self._strips[y].adjust_cell_length(width).apply_style(self.rich_style)


def _write(row: list[Cell], column: int, text: str, style: Style) -> None:
    for i, character in enumerate(text, column):
        if 0 <= i < len(row):
            row[i] = character, style
