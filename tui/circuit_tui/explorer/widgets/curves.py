"""Curves over training that are drawn once: only the line at the current checkpoint moves over them.

A curve is a line of dots with markers where there are few points, over a band of sparse dots where its interval is
shown. At the current checkpoint every curve has its marker, and a bar as high as its interval.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import floor, log10
from typing import Any

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from circuit_tui.explorer.widgets.axis import spread
from circuit_tui.explorer.widgets.braille import Canvas
from circuit_tui.explorer.widgets.notation import short, signed

_MOST_MARKERS = 40
"""Points of a curve beyond which markers would hide its line."""
_ROWS_A_TICK = 3
_NEAR = 1e-9


@dataclass(frozen=True)
class Point:
    x: float
    """On the axis of training, 0 to 1."""
    y: float
    low: float | None = None
    high: float | None = None
    at: int = 0
    """Tokens, or step, of the place."""
    row: Mapping[str, Any] = field(default_factory=dict, compare=False)
    """Of the store."""


@dataclass(frozen=True)
class Curve:
    name: str
    colour: str
    marker: str
    parts: list[list[Point]]
    """Lines of points, with a gap between one and the next."""
    faint: str = ""
    """Colour of the band between low and high; none: no band."""
    dotted: bool = False
    hollow: str = ""
    """Marker of points that do not count."""

    def mark(self, point: Point) -> str:
        return self.hollow if self.hollow and point.row.get("counts") != 1 else self.marker

    @cached_property
    def points(self) -> list[Point]:
        return [point for part in self.parts for point in part]

    def at(self, x: float) -> Point | None:
        """The point there."""
        place = bisect_right(self.points, x + _NEAR, key=lambda point: point.x) - 1
        return self.points[place] if place >= 0 and abs(self.points[place].x - x) <= _NEAR else None

    def before(self, x: float) -> Point | None:
        """The last point there or before."""
        place = bisect_right(self.points, x + _NEAR, key=lambda point: point.x) - 1
        return self.points[place] if place >= 0 else None


@dataclass(frozen=True)
class Scale:
    """What is shown: the part of the axis of training and its ticks, and the values from the lowest to the highest."""

    span: tuple[float, float]
    ticks: Sequence[tuple[float, str]]
    values: tuple[float, float]

    def x(self, place: float) -> float:
        return (place - self.span[0]) / (self.span[1] - self.span[0])

    def y(self, value: float) -> float:
        low, high = self.values
        return (value - low) / (high - low) if high > low else 0.5


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
        self._lines: list[list[Segment]] = []
        self._size = Size(0, 0)
        self._canvas = Canvas(0, 0)
        self._margin = 0
        self._over: dict[int, Segment] = {}
        """Row -> what stands there at the current checkpoint, besides the line."""

    def show(self, curves: list[Curve], scale: Scale, at: float) -> None:
        """Draw everything anew, the curves one over the other."""
        self.curves, self.scale, self._at = curves, scale, at
        self._size = Size(0, 0)
        self.refresh()

    def point(self, at: float) -> None:
        """Move the line."""
        before = self._column
        self._at = at
        self._mark_values()
        for column in {before, self._column}:
            if column is not None:
                left = self._margin + column + self.styles.padding.left
                self.refresh(Region(left, 0, 1, self._canvas.height))

    @property
    def _column(self) -> int | None:
        place = self.scale.x(self._at)
        return self._canvas.column(place) if 0 <= place <= 1 and self._canvas.width else None

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._size = Size(0, 0)

    def render_line(self, y: int) -> Strip:
        if self._size != self.size:
            self._draw()
        if y >= len(self._lines):
            return Strip.blank(self.size.width, self.rich_style)
        strip, column = Strip(self._lines[y], self.size.width), self._column
        over = self._over.get(y)
        if column is not None and y < self._canvas.height and (over or (y, column) not in self._canvas.marks):
            place = self._margin + column
            over = over or Segment("│", self.get_component_rich_style("curves--line", partial=True))
            strip = Strip.join([strip.crop(0, place), Strip([over], 1), strip.crop(place + 1)])
        return strip.apply_style(self.rich_style)

    def _draw(self) -> None:
        self._size = self.size
        ticks = self._values()
        self._margin = max((len(label) for _, label in ticks), default=0) + 1
        width, height = max(1, self.size.width - self._margin), max(1, self.size.height - 2)
        canvas = self._canvas = Canvas(width, height)
        if self.scale.values[0] < 0 < self.scale.values[1]:
            zero = self.scale.y(0)
            canvas.line([(0, zero), (1, zero)], self._colour("curves--rule"), dotted=True)
        for curve in self.curves:
            self._draw_curve(curve)
        self._mark_values()
        labels = {canvas.row(self.scale.y(value)): label for value, label in ticks}
        self._lines = [[*self._frame(labels.get(row, "")), *_segments(canvas.cells(row))] for row in range(height)]
        self._lines += self._below()

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

    def _frame(self, label: str) -> list[Segment]:
        tick, rule = (self.get_component_rich_style(f"curves--{part}", partial=True) for part in ("tick", "rule"))
        return [Segment(label.rjust(self._margin - 1), tick), Segment("┤" if label else "│", rule)]

    def _below(self) -> list[list[Segment]]:
        """The axis of training, and its labels as far as they have room."""
        columns = [(self._canvas.column(self.scale.x(place)), label) for place, label in self.scale.ticks]
        rule, margin = ["─"] * self._canvas.width, self._margin
        for column, _ in columns:
            if 0 <= column < len(rule):
                rule[column] = "┴"
        labels = spread([(margin + column, label) for column, label in columns], margin + len(rule))
        tick, line = (self.get_component_rich_style(f"curves--{part}", partial=True) for part in ("tick", "rule"))
        return [[Segment(" " * (self._margin - 1) + "└" + "".join(rule), line)], [Segment(labels, tick)]]

    def _colour(self, component: str) -> str:
        colour = self.get_component_rich_style(component, partial=True).color
        return colour.name if colour else ""

    def _values(self) -> list[tuple[float, str]]:
        """Round values that have room beside the axis, with labels of equal precision."""
        low, high = self.scale.values
        if high <= low:
            return [(low, signed(low, 2))]
        most = max(1, (self.size.height - 2) // _ROWS_A_TICK)
        unit = 10 ** floor(log10((high - low) / most))
        step = next(unit * by for by in (1, 2, 5, 10, 20) if (high - low) / (unit * by) <= most)
        first, last = -floor(-low / step), floor(high / step + _NEAR)
        digits = max(0, -floor(log10(step) + _NEAR))
        found = [i * step for i in range(first, last + 1)]
        return [(value, short(value) if high >= 1000 else signed(value, digits)) for value in found]


def _segments(cells: Iterable[tuple[str, str]]) -> list[Segment]:
    """Neighbouring cells of one colour are one segment."""
    found: list[tuple[str, str]] = []
    for character, colour in cells:
        if found and found[-1][1] == colour:
            found[-1] = found[-1][0] + character, colour
        else:
            found.append((character, colour))
    return [Segment(text, Style(color=colour) if colour else None) for text, colour in found]
