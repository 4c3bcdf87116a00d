"""How faithful circuits of each size are: on the prompts that chose them, on held-out ones, and random circuits."""

from typing import TYPE_CHECKING, Any

from rich.text import Text
from textual import work
from textual.app import ComposeResult

from circuit_tui.explorer import theme
from circuit_tui.explorer.diagram.found import Found
from circuit_tui.explorer.screens.full_screen import Part
from circuit_tui.explorer.widgets.axis import Axis
from circuit_tui.explorer.widgets.live_text import Note
from circuit_tui.explorer.widgets.notation import finite, plain, signed
from circuit_tui.explorer.widgets.series import Series

if TYPE_CHECKING:
    from circuit_tui.explorer.widgets.plot import Plot

_NONE = "The curve of faithfulness by size: known where a search for the circuit was computed, and not imported."
_RANGE = "random_low", "random_high"


class Sizes(Part, can_focus=True):
    DEFAULT_CSS = "Sizes #sizes-legend { color: $foreground; }"

    def __init__(self, name: str):
        super().__init__(id=name)
        self.found = Found(None, None)
        self.plot: Plot | None = None
        self._brings_plot = False

    def compose(self) -> ComposeResult:
        yield Note(id="sizes-legend")

    @work(thread=True)
    def _bring_plot(self) -> None:
        """It takes as long to import as all the rest to show: that comes first."""
        from circuit_tui.explorer.widgets.plot import Plot

        self.app.call_from_thread(self._put_plot, Plot())

    async def _put_plot(self, plot: "Plot") -> None:
        if self.is_attached:
            await self.mount(plot)
            self.plot = plot
            self._draw()

    def show(self, found: Found) -> None:
        self.found = found
        self.title("faithfulness by edges", "raw")
        if not self._brings_plot:
            self._brings_plot = True
            self._bring_plot()
        self._draw()

    def _draw(self) -> None:
        series = self._series()
        reason = "" if series else self._why_none()
        self.query_one("#sizes-legend", Note).say(Text(reason) if reason else self._legend(series))
        if self.plot:
            self.plot.display = not reason
        if self.plot and not reason:
            values = [0.0, 1.0, *(y for one in series for _, y in one.points)]
            at = self._axis.at(self._edges or 0)
            self.plot.show(series, at, self._axis.ticks(), (0.0, 1.0), (min(values), max(values)), self._colours.accent)

    def _why_none(self) -> str:
        reasons = [row["reason"] for row in self.found.curve if row["reason"]]
        return f"No faithfulness is defined here: {plain(reasons[-1])}." if reasons else _NONE

    @property
    def _colours(self) -> theme.Palette:
        return theme.palette(self.app.current_theme.dark)

    @property
    def _axis(self) -> Axis:
        """Of edges, as that of training is of tokens."""
        return Axis((row["n_edges"], row["n_edges"]) for row in self.found.curve)

    @property
    def _edges(self) -> int | None:
        """Edges of the circuit that was chosen."""
        return self.found.circuit.header["n_edges"] if self.found.circuit else None

    def _series(self) -> list[Series]:
        """Random circuits are means, with a line from the smallest to the largest."""
        colours, axis = self._colours, self._axis
        curve = {row["n_edges"]: row for row in self.found.curve}
        spread = [
            [(axis.at(n), row["random_low"]), (axis.at(n), row["random_high"])]
            for n, row in curve.items()
            if all(finite(row[name]) is not None for name in _RANGE)
        ]
        lines = {
            name: [(axis.at(n), row[name]) for n, row in curve.items() if finite(row[name]) is not None]
            for name in ("random_baseline", "faithfulness", "held_out_faithfulness")
        }
        found = [
            Series("", colours.muted, "┃", spread),
            Series("random", colours.muted, "◆", [[point] for point in lines["random_baseline"]]),
            Series("", colours.muted, "", [lines["random_baseline"]]),
            Series("here", colours.helps, "●", [lines["faithfulness"]]),
            Series("held out", colours.hurts, "■", [lines["held_out_faithfulness"]]),
        ]
        return [one for one in found if one.points]

    def _legend(self, series: list[Series]) -> Text:
        """What stands at the size of the circuit."""
        header: dict[str, Any] = self.found.circuit.header if self.found.circuit else {}
        here = next((row for row in self.found.curve if row["n_edges"] == self._edges), {})
        looks = {one.name: one for one in series}
        lines = [Text().append(f"│ {self._edges:,} edges", self._colours.accent)]
        held_out = header.get("held_out_faithfulness")
        for name, value, (low, high) in (
            ("here", here.get("faithfulness"), self._interval(header, held_out is None)),
            ("held out", held_out, self._interval(header, held_out is not None)),
            ("random", here.get("random_baseline"), tuple(here.get(name) for name in _RANGE)),
        ):
            if name in looks:
                ends = "" if low is None else f", {_ENDS[name]} {signed(low, 2)} to {signed(high, 2)}"
                entry = Text(f"{looks[name].marker} ", looks[name].colour)
                lines.append(entry.append(f"{_LABELS[name]} {signed(value, 2)}{ends}", "default"))
        return Text("\n").join(lines)

    @staticmethod
    def _interval(header: dict[str, Any], here: bool) -> tuple[float | None, float | None]:
        return (header.get("faithfulness_low"), header.get("faithfulness_high")) if here else (None, None)


_LABELS = {"here": "faithfulness", "held out": "held-out prompts", "random": "random circuits"}
_ENDS = {"here": "95 %", "held out": "95 %", "random": "from"}
"""What the ends of a range are called."""
