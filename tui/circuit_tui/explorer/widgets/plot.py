"""The plot of values over training, on textual-plot's braille canvas. Imports numpy, so it is itself imported late."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from math import floor
from typing import Any

from rich.style import Style
from textual.app import ComposeResult
from textual.containers import Grid
from textual.geometry import Region
from textual.strip import Strip
from textual.widgets import Static
from textual_hires_canvas import Canvas
from textual_plot import HiResMode, PlotWidget
from textual_plot.axis_formatter import AxisFormatter, NumericAxisFormatter
from textual_plot.plot_widget import FloatScalar, ScatterPlot

from circuit_tui.explorer.widgets.series import Series

_MOST_MARKERS = 40
"""Points of a series beyond which markers would hide the line; the current checkpoint's has one nonetheless."""


class _Places(AxisFormatter):
    """Labels at given places."""

    def __init__(self, ticks: Sequence[tuple[float, str]]):
        self._labels = dict(ticks)

    def get_ticks(self, min_: float, max_: float, max_ticks: int = 8) -> list[float]:
        return list(self._labels)

    def get_labels_for_ticks(self, ticks: Sequence[float]) -> list[str]:
        return [self._labels[tick] for tick in ticks]


class _Numbers(NumericAxisFormatter):
    """With a true minus sign, and none before zero."""

    def get_labels_for_ticks(self, ticks: Sequence[float]) -> list[str]:
        return [label.replace("-", "−") for label in super().get_labels_for_ticks([round(t, 9) + 0.0 for t in ticks])]


_BRAILLE = 0x2800
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""[row][column] of a cell: what a dot adds to the number of its character."""
_Cells = tuple[list[list[str]], list[list[str]]]
"""Characters and their styles, line by line."""


class _Canvas(Canvas):
    """The library leaves some cells without any style, which NO_COLOR's filter cannot take."""

    def __init__(self, part: str) -> None:
        super().__init__(1, 1, id=part)
        self._drawn: dict[int, tuple[list[str], list[str]]] = {}
        """What stands on each line: characters and their styles."""
        self._base: Style | None = None
        """The style of all lines while they are drawn: it asks every widget around."""
        self._drawing = False

    def render_lines(self, crop: Region) -> list[Strip]:
        self._drawing, self._base = True, None
        try:
            return super().render_lines(crop)
        finally:
            self._drawing = False

    @property
    def rich_style(self) -> Style:
        if not self._drawing:
            return super().rich_style
        self._base = self._base or super().rich_style
        return self._base

    def render_line(self, y: int) -> Strip:
        if y < len(self._buffer):
            self._drawn[y] = self._buffer[y][:], self._styles[y][:]
        return super().render_line(y).apply_style(self.rich_style)

    @contextmanager
    def drawn(self) -> Iterator[None]:
        """What is drawn within is shown at its end: the library would show all lines, at every cell."""
        self._refreshes_pending += 1
        try:
            yield
        finally:
            self._refreshes_pending -= 1
        if self._refreshes_pending:
            return
        lines = enumerate(zip(self._buffer, self._styles, strict=True))
        if changed := [Region(0, y, self.size.width, 1) for y, line in lines if line != self._drawn.get(y)]:
            self.refresh(*changed)

    def set_hires_pixels(
        self,
        coordinates: Iterable[tuple[FloatScalar, FloatScalar]],
        hires_mode: HiResMode | None = None,
        style: str = "white",
    ) -> None:
        """In braille, as the library does, which makes an array for every cell."""
        cells: dict[tuple[int, int], int] = {}
        for x, y in coordinates:
            across, down = floor(2 * x), floor(4 * y)
            place = across >> 1, down >> 2
            cells[place] = cells.get(place, _BRAILLE) | _DOTS[down & 3][across & 1]
        for place, dots in cells.items():
            self.set_pixel(*place, chr(dots), style)

    def copied(self) -> _Cells:
        return [line[:] for line in self._buffer], [line[:] for line in self._styles]

    def put(self, cells: _Cells) -> None:
        self._buffer, self._styles = ([line[:] for line in lines] for lines in cells)


class Plot(PlotWidget, can_focus=False, inherit_bindings=False):
    """Lines with markers, and a vertical line at the current checkpoint."""

    DEFAULT_CSS = """
    Plot { height: 1fr; }
    Plot > .plot--axis { color: $rule; }
    Plot > .plot--tick { color: $secondary; text-style: none; }
    """

    def __init__(self) -> None:
        super().__init__(allow_pan_and_zoom=False)
        self.set_reactive(PlotWidget.margin_top, 1)
        self.set_reactive(PlotWidget.margin_bottom, 1)
        self.set_reactive(PlotWidget.margin_left, 6)
        self._given: tuple[Any, ...] = ()
        """What was shown last, but for the checkpoint."""
        self._at = 0.0
        self._ground: _Cells = [], []
        """What is drawn of that."""

    def compose(self) -> ComposeResult:
        with Grid():
            for part in ("margin-top", "margin-left", "plot", "margin-bottom"):
                yield _Canvas(part)
        yield Static(id="legend")

    def show(
        self,
        series: list[Series],
        at: float,
        ticks: Sequence[tuple[float, str]],
        span: tuple[float, float],
        values: tuple[float, float],
        accent: str,
    ) -> None:
        """Where only the checkpoint is another, nothing else is drawn anew."""
        self._at = at
        given = series, ticks, span, values, accent
        if given != self._given:
            self._given = given
            self._set(series, ticks, span, values)
        if self._needs_canvas_resize:
            return  # it is drawn once the sizes are known
        if self._needs_rerender:
            self._draw_now()
        else:
            self._draw_checkpoint()

    def _set(
        self,
        series: list[Series],
        ticks: Sequence[tuple[float, str]],
        span: tuple[float, float],
        values: tuple[float, float],
    ) -> None:
        self.clear()
        self.set_xlimits(_hair_before(*span), span[1])
        self.set_ylimits(_hair_before(*values), values[1])
        self.set_x_formatter(_Places(ticks))
        self.set_y_formatter(_Numbers())
        for one in series:
            for part in one.parts if len(one.points) > len(one.parts) else ():
                self.plot([x for x, _ in part], [y for _, y in part], one.colour, HiResMode.BRAILLE)
            alone = [part[0] for part in one.parts if len(part) == 1]
            marked = one.points if len(one.points) <= _MOST_MARKERS else alone
            within = [point for point in marked if span[0] <= point[0] <= span[1]]
            self.scatter([x for x, _ in within], [y for _, y in within], one.marker, one.colour)

    def _draw_now(self) -> None:
        """The library draws while a frame is drawn, and needs another to show that."""
        self._render_plot()
        self._needs_rerender = False

    def notify_style_update(self) -> None:
        """Nothing: the focus changes no colour here, and whoever changes all of them calls `show`."""

    def _rerender(self) -> None:
        """What is shown is drawn at once: only where sizes are not known yet, the library does it with the frame."""
        self._needs_rerender = True
        if self._needs_canvas_resize or not self._given:
            self.refresh()

    @property
    def _has_room(self) -> bool:
        """Whether the frame has an inside, and the canvas holds it: not where the terminal has been made very small."""
        size, frame = self._canvas._canvas_size, self._scale_rectangle
        inside = frame.width > 0 and frame.height > 0
        return inside and frame.right < size.width and frame.bottom < size.height

    def _render_plot(self) -> None:
        if not self._has_room:
            return
        with ExitStack() as drawn:
            for canvas in self.query(_Canvas):
                drawn.enter_context(canvas.drawn())
            super()._render_plot()
            self._ground = self._canvas.copied()
            self._draw_checkpoint()

    @property
    def _canvas(self) -> _Canvas:
        return self.query_one("#plot", _Canvas)

    def _draw_checkpoint(self) -> None:
        """The line at the checkpoint, and over it the points that it would hide; those that lie there have a marker."""
        if not self._given or not self._has_room:
            return
        series, _, (start, end), *_ = self._given
        marked = (one for one in self._datasets if isinstance(one, ScatterPlot))
        with self._canvas.drawn():
            self._canvas.put(self._ground)
            if start <= self._at <= end:
                self._draw_line(self._at)
                for one, points in zip(series, marked, strict=True):
                    self._render_scatter_plot(points)
                    for point in one.points:
                        if point[0] == self._at:
                            self._canvas.set_pixel(*self.get_pixel_from_coordinate(*point), one.marker, one.colour)

    def _draw_line(self, at: float) -> None:
        """From the frame's top to its bottom, joined to both and to their ticks."""
        canvas, bottom = self._canvas, self._scale_rectangle.bottom
        x, _ = self.get_pixel_from_coordinate(at, 0)
        canvas.draw_line(x, 1, x, bottom - 1, "│", self._given[-1])
        for y, quad in ((0, (0, 0, 2, 0)), (bottom, (2, 0, 0, 0))):
            joined = self.combine_quad_with_pixel(quad, canvas, x, y)
            canvas.set_pixel(x, y, joined, str(self.get_component_rich_style("plot--axis")))

    def get_pixel_from_coordinate(self, x: FloatScalar, y: FloatScalar) -> tuple[int, int]:
        across, down = self._within(x, y)
        return floor(across), floor(down)

    def get_hires_pixel_from_coordinate(self, x: FloatScalar, y: FloatScalar) -> tuple[FloatScalar, FloatScalar]:
        return self._within(x, y)

    def _within(self, x: FloatScalar, y: FloatScalar) -> tuple[FloatScalar, FloatScalar]:
        """Where a point is drawn. The ends of both axes lie within the frame, which would hide what lies on it."""
        region = self._scale_rectangle
        across = (x - self._x_min) / (self._x_max - self._x_min)
        up = (y - self._y_min) / (self._y_max - self._y_min)
        return region.x + 0.5 + across * (region.width - 1), region.bottom - 0.5 - up * (region.height - 1)


def _hair_before(start: float, end: float) -> float:
    """The library draws a tick at the very start of an axis beside its points."""
    return start - 1e-9 * (end - start)
