"""The plot of values over training, on textual-plot's braille canvas. Imports numpy, so it is itself imported late."""

from collections.abc import Sequence
from math import floor

from textual.app import ComposeResult
from textual.containers import Grid
from textual.strip import Strip
from textual.widgets import Static
from textual_hires_canvas import Canvas
from textual_plot import HiResMode, PlotWidget
from textual_plot.axis_formatter import AxisFormatter, NumericAxisFormatter
from textual_plot.plot_widget import FloatScalar, ScatterPlot, VLinePlot

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


class _Canvas(Canvas):
    """The library leaves some cells without any style, which NO_COLOR's filter cannot take."""

    def render_line(self, y: int) -> Strip:
        return super().render_line(y).apply_style(self.rich_style)


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

    def compose(self) -> ComposeResult:
        with Grid():
            for part in ("margin-top", "margin-left", "plot", "margin-bottom"):
                yield _Canvas(1, 1, id=part)
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
        self.clear()
        self.set_xlimits(_hair_before(*span), span[1])
        self.set_ylimits(_hair_before(*values), values[1])
        self.set_x_formatter(_Places(ticks))
        self.set_y_formatter(_Numbers())
        for one in series:
            for part in one.parts if len(one.points) > len(one.parts) else ():
                self.plot([x for x, _ in part], [y for _, y in part], one.colour, HiResMode.BRAILLE)
            alone = [part[0] for part in one.parts if len(part) == 1]
            few = len(one.points) <= _MOST_MARKERS
            marked = [p for p in one.points if span[0] <= p[0] <= span[1] and (few or p[0] == at or p in alone)]
            self.scatter([x for x, _ in marked], [y for _, y in marked], one.marker, one.colour)
        if span[0] <= at <= span[1]:
            self.add_v_line(at, accent)
        if not self._needs_canvas_resize:  # else once the sizes are known
            self._draw_now()

    def _draw_now(self) -> None:
        """The library draws while a frame is drawn, and needs another to show that."""
        self._render_plot()
        self._needs_rerender = False

    def notify_style_update(self) -> None:
        """Nothing: the focus changes no colour here, and whoever changes all of them calls `show`."""

    def _render_plot(self) -> None:
        """The library would ask for a refresh at every cell that it draws."""
        with self.query_one("#plot", Canvas).batch_refresh():
            super()._render_plot()

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

    def _render_v_line_plot(self, vline: VLinePlot) -> None:
        """The line, and over it the points that it would hide."""
        super()._render_v_line_plot(vline)
        for one in self._datasets:
            if isinstance(one, ScatterPlot):
                self._render_scatter_plot(one)


def _hair_before(start: float, end: float) -> float:
    """The library draws a tick at the very start of an axis beside its points."""
    return start - 1e-9 * (end - start)
