"""A figure: its curves, and what is said of each at the current checkpoint."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from rich.text import Text

from circuit_tui.explorer import theme
from circuit_tui.explorer.widgets.curve import Curve, Point
from circuit_tui.explorer.widgets.notation import plain, short, signed

Words = Callable[[Curve, Point], str]
"""A value of a curve in words."""


_HOLLOW = dict(zip("●▲■◆", "○△□◇", strict=True))


def hollow(marker: str, series: int) -> str:
    """The marker of points of a series that do not count, where no other of so many series has it."""
    return _HOLLOW.get(marker, "×") if series <= len(_HOLLOW) else "×"


def not_counted(curves: Sequence[Curve], what: str) -> list[str]:
    """What hollow markers say, where there are any."""
    markers = [c.hollow for c in curves if any(c.mark(point) != c.marker for point in c.points)]
    return [f"{''.join(dict.fromkeys(markers))} {what}"] if markers else []


@dataclass(frozen=True)
class Ink:
    """Colours and markers of series, in the theme."""

    dark: bool

    @property
    def muted(self) -> str:
        return theme.palette(self.dark).muted

    def series(self, index: int) -> tuple[str, str, str]:
        """Colour, faint colour and marker."""
        colour = theme.SERIES[index % len(theme.SERIES)]
        palette = theme.palette(self.dark)
        return palette.mark(colour), palette.faint(colour), theme.MARKERS[index % len(theme.MARKERS)]


@dataclass(frozen=True)
class Drawing:
    title: tuple[str, ...]
    reason: str = ""
    """Why there is nothing to draw."""
    curves: Sequence[Curve] = ()
    """Drawn one over the other."""
    values: tuple[float, float] = (0.0, 1.0)
    words: Words = lambda _, point: signed(point.y, 2)
    legend: Sequence[str] = ()
    """Names of curves, as they are said; none: all."""
    notes: Sequence[str] = ()
    """What holds for all of the figure."""
    of_step: Callable[[float], Sequence[str]] = field(default=lambda place: ())
    """What else is said of the current checkpoint."""

    def said(self, place: float, ink: Ink) -> list[Text]:
        """What stands below the figure at a checkpoint."""
        named = {curve.name: curve for curve in self.curves if curve.marker}
        shown = [named[name] for name in self.legend or named]
        entries = [self._entry(curve, place, ink) for curve in shown]
        return entries + [Text(note, ink.muted) for note in (*self.of_step(place), *self.notes)]

    def _entry(self, curve: Curve, place: float, ink: Ink) -> Text:
        entry, point = Text().append(curve.marker, curve.colour).append(f" {plain(curve.name)} "), curve.at(place)
        if point:
            return entry.append(self.words(curve, point))
        before = curve.before(place)
        return entry.append(f"{self.words(curve, before)} at {short(before.at)}" if before else "–", ink.muted)


def reach(curves: Iterable[Curve], *always: float) -> tuple[float, float]:
    """The least and the most of all values, their intervals, and some more."""
    points = [point for curve in curves for point in curve.points]
    found = [value for point in points for value in (point.y, point.low, point.high) if value is not None]
    return min((*found, *always), default=0.0), max((*found, *always), default=1.0)


def interval(point: Point, digits: int) -> str:
    """` [2.90..3.52]`, if there is one."""
    known = point.low is not None and point.high is not None
    return f" [{signed(point.low, digits)}..{signed(point.high, digits)}]" if known else ""
