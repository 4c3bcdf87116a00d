"""Curves over training that are drawn once: only the line at the current checkpoint moves over them.

A curve is a line of dots with markers where there are few points, over a band of sparse dots where its interval is
shown. At the current checkpoint every curve has its marker, and a bar as high as its interval.
"""

from collections.abc import Iterable

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from circuit_tui.explorer.widgets.axis import spread
from circuit_tui.explorer.widgets.braille import Canvas
from circuit_tui.explorer.widgets.curve import Curve, Scale

_MOST_MARKERS = 40
"""Points of a curve beyond which markers would hide its line."""
_ROWS_A_TICK = 3


class Curves(Widget, can_focus=True, inherit_bindings=False):
    COMPONENT_CLASSES = {"curves--rule", "curves--tick", "curves--line"}
    DEFAULT_CSS = """
    Curves { height: 1fr; padding: 0 1; }
    Curves > .curves--rule { color: $rule; }
    Curves > .curves--tick { color: $secondary; }
    Curves > .curves--line { color: $accent; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.curves: list[Curve] = []
        self.scale = Scale((0.0, 1.0), (), (0.0, 1.0))
        self._at = 0.0
        self._lines: list[Strip] = []
        """Without what stands at the current checkpoint."""
        self._drawn: tuple[Size, tuple[Style, ...]] | None = None
        """The size and the styles in which they are."""
        self._canvas = Canvas(0, 0)
        self._margin = 0
        self._over: dict[int, Segment] = {}
        """Row -> what stands there at the current checkpoint, besides the line."""

    def show(self, curves: list[Curve], scale: Scale, at: float) -> None:
        """Draw everything anew, the curves one over the other."""
        self.curves, self.scale, self._at = curves, scale, at
        self._drawn = None
        self.refresh()

    def point(self, at: float) -> None:
        """Move the line."""
        if at == self._at:
            return
        before, self._at = self._column, at
        self._mark_values()
        columns = {column for column in (before, self._column) if column is not None}
        self.refresh(*(Region(self._margin + column, 0, 1, self._canvas.height) for column in columns))

    @property
    def _column(self) -> int | None:
        place = self.scale.x(self._at)
        return self._canvas.column(place) if 0 <= place <= 1 and self._canvas.width else None

    @property
    def _styles(self) -> tuple[Style, ...]:
        """Of rule, tick and line, and the ground."""
        parts = (self.get_component_rich_style(name, partial=True) for name in sorted(self.COMPONENT_CLASSES))
        return (*parts, self.rich_style)

    def notify_style_update(self) -> None:
        super().notify_style_update()
        if self._drawn and self._drawn[1] != self._styles:
            self._drawn = None

    def render_line(self, y: int) -> Strip:
        if self._drawn is None or self._drawn[0] != self.size:
            self._draw()
        if y >= len(self._lines):
            return Strip.blank(self.size.width, self.rich_style)
        strip, column, over = self._lines[y], self._column, self._over.get(y)
        if column is None or y >= self._canvas.height or (not over and (y, column) in self._canvas.marks):
            return strip
        line = Segment("│", self._drawn[1][0]) if self._drawn else Segment("│")
        place, ground = self._margin + column, self.rich_style
        return Strip.join([strip.crop(0, place), Strip([over or line], 1).apply_style(ground), strip.crop(place + 1)])

    def _draw(self) -> None:
        styles = self._styles
        self._drawn = self.size, styles
        if not self.curves:
            self._lines, self._canvas, self._over = [], Canvas(0, 0), {}
            return
        _, rule, tick, ground = styles
        labels = self.scale.labels(max(1, (self.size.height - 2) // _ROWS_A_TICK))
        self._margin = max((len(label) for _, label in labels), default=0) + 1
        width, height = max(1, self.size.width - self._margin), max(1, self.size.height - 2)
        canvas = self._canvas = Canvas(width, height)
        if self.scale.values[0] < 0 < self.scale.values[1]:
            zero = self.scale.y(0)
            canvas.line([(0, zero), (1, zero)], rule.color.name if rule.color else "", dotted=True)
        for curve in self.curves:
            self._draw_curve(curve)
        self._mark_values()
        of_rows = {canvas.row(self.scale.y(value)): label for value, label in labels}
        lines = []
        for row in range(height):
            label = of_rows.get(row, "")
            frame = [Segment(label.rjust(self._margin - 1), tick), Segment("┤" if label else "│", rule)]
            lines.append([*frame, *_segments(canvas.cells(row))])
        lines += self._below(rule, tick)
        self._lines = [Strip(line).adjust_cell_length(self.size.width).apply_style(ground) for line in lines]

    def _draw_curve(self, curve: Curve) -> None:
        x, y = self.scale.x, self.scale.y
        few = len(curve.points) <= _MOST_MARKERS
        for part in curve.parts:
            if curve.faint:
                edges = [(x(p.x), y(p.low), y(p.high)) for p in part if p.low is not None and p.high is not None]
                self._canvas.band(edges, curve.faint)
            self._canvas.line([(x(p.x), y(p.y)) for p in part], curve.colour, curve.dotted)
            for point in part if few or len(part) == 1 else ():
                if curve.marker:
                    self._canvas.mark(x(point.x), y(point.y), curve.mark(point), curve.colour)

    def _mark_values(self) -> None:
        """What stands on the line at the current checkpoint: intervals, and over them the values."""
        x, y, row = self.scale.x, self.scale.y, self._canvas.row
        self._over = {}
        here = [(curve, point) for curve in self.curves if curve.marker and (point := curve.at(self._at))]
        for curve, point in here:
            if point.low is not None and point.high is not None and 0 <= x(point.x) <= 1:
                for place in range(row(y(point.high)), row(y(point.low)) + 1):
                    self._over[place] = Segment("┃", Style(color=curve.colour))
        for curve, point in here:
            self._over[row(y(point.y))] = Segment(curve.mark(point), Style(color=curve.colour))

    def _below(self, rule: Style, tick: Style) -> list[list[Segment]]:
        """The axis of training, and its labels as far as they have room."""
        columns = [(self._canvas.column(self.scale.x(place)), label) for place, label in self.scale.ticks]
        line, margin = ["─"] * self._canvas.width, self._margin
        for column, _ in columns:
            if 0 <= column < len(line):
                line[column] = "┴"
        labels = spread([(margin + column, label) for column, label in columns], margin + len(line))
        return [[Segment(" " * (margin - 1) + "└" + "".join(line), rule)], [Segment(labels, tick)]]


def _segments(cells: Iterable[tuple[str, str]]) -> list[Segment]:
    """Neighbouring cells of one colour are one segment."""
    found: list[tuple[str, str]] = []
    for character, colour in cells:
        if found and found[-1][1] == colour:
            found[-1] = found[-1][0] + character, colour
        else:
            found.append((character, colour))
    return [Segment(text, Style(color=colour) if colour else None) for text, colour in found]
