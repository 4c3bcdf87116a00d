"""Curves over training and the scale on which they are drawn."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import floor, log10
from typing import Any

from circuit_tui.explorer.widgets.notation import short, signed

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

    def labels(self, most: int) -> list[tuple[float, str]]:
        """At most so many round values, about, with labels of equal precision."""
        low, high = self.values
        if high <= low:
            return [(low, signed(low, 2))]
        unit = 10 ** floor(log10((high - low) / most))
        step = next(unit * by for by in (1, 2, 5, 10, 20) if (high - low) / (unit * by) <= most)
        first, last = -floor(-low / step), floor(high / step + _NEAR)
        digits = max(0, -floor(log10(step) + _NEAR))
        found = [i * step for i in range(first, last + 1)]
        return [(value, short(value) if high >= 1000 else signed(value, digits)) for value in found]
