"""How faithful circuits of each size are: on the prompts that chose them, on held-out ones, and random circuits."""

from typing import Any

from rich.text import Text
from textual.app import ComposeResult

from circuit_tui.explorer import theme
from circuit_tui.explorer.diagram.found import Found
from circuit_tui.explorer.screens.full_screen import Part
from circuit_tui.explorer.widgets.axis import Axis
from circuit_tui.explorer.widgets.curve import Curve, Point, Scale
from circuit_tui.explorer.widgets.curves import Curves
from circuit_tui.explorer.widgets.live_text import Note
from circuit_tui.explorer.widgets.notation import finite, plain, signed

_NONE = "The curve of faithfulness by size: known where a search for the circuit was computed, and not imported."
_KINDS = {
    "random_baseline": ("random circuits", "◆"),
    "held_out_faithfulness": ("held-out prompts", "■"),
    "faithfulness": ("faithfulness", "●"),
}
"""Column -> what it is called, and its marker; the last is drawn over the others."""


class Sizes(Part):
    DEFAULT_CSS = "Sizes #sizes-legend { color: $foreground; }"

    def __init__(self, name: str):
        super().__init__(id=name)
        self.found = Found(None)

    def compose(self) -> ComposeResult:
        yield Note(id="sizes-legend")
        yield Curves()

    def show(self, found: Found) -> None:
        self.found = found
        self.title("faithfulness by edges", "raw")
        curves = self._curves()
        reason = "" if curves else self._why_none()
        self.query_one("#sizes-legend", Note).say(Text(reason) if reason else self._legend(curves))
        values = [0.0, 1.0, *(y for one in curves for p in one.points for y in (p.y, p.low, p.high) if y is not None)]
        scale = Scale((0.0, 1.0), self._axis.ticks(), (min(values), max(values)))
        self.query_one(Curves).show(curves, scale, self._axis.at(self._chosen or 0))

    def _why_none(self) -> str:
        reasons = [row["reason"] for row in self.found.curve if row["reason"]]
        return f"No faithfulness is defined here: {plain(reasons[-1])}." if reasons else _NONE

    @property
    def _axis(self) -> Axis:
        """Of edges, as that of training is of tokens."""
        return Axis((row["n_edges"], row["n_edges"]) for row in self.found.curve)

    @property
    def _chosen(self) -> int | None:
        """Edges of the circuit that was chosen."""
        return self.found.circuit.header["n_edges"] if self.found.circuit else None

    def _curves(self) -> list[Curve]:
        """Random circuits with a band from the smallest to the largest; the chosen one with its interval."""
        colours, axis = theme.palette(self.app.current_theme.dark), self._axis
        looks = {
            "random_baseline": colours.muted,
            "held_out_faithfulness": colours.hurts,
            "faithfulness": colours.helps,
        }
        by_size = {row["n_edges"]: row for row in self.found.curve}
        found = []
        for column, (name, marker) in _KINDS.items():
            points = [
                Point(axis.at(n), row[column], *self._ends(column, row), at=n, row={"counts": 1})
                for n, row in sorted(by_size.items())
                if finite(row[column]) is not None
            ]
            random = column == "random_baseline"
            faint = colours.faint(colours.muted) if random else ""
            if points:
                found.append(Curve(name, looks[column], marker, [points], faint, random))
        return found

    def _ends(self, column: str, row: dict[str, Any]) -> tuple[float | None, float | None]:
        """Of random circuits the smallest and the largest; of the circuit that was chosen the 95 % interval."""
        if column == "random_baseline":
            return finite(row["random_low"]), finite(row["random_high"])
        header = self.found.circuit.header if self.found.circuit else {}
        of = "faithfulness" if header.get("held_out_faithfulness") is None else "held_out_faithfulness"
        if column != of or row["n_edges"] != self._chosen:
            return None, None
        return finite(header["faithfulness_low"]), finite(header["faithfulness_high"])

    def _legend(self, curves: list[Curve]) -> Text:
        """What stands at the size of the circuit."""
        accent = theme.palette(self.app.current_theme.dark).accent
        lines = [Text().append(f"│ {self._chosen:,} edges", accent)]
        for curve in reversed(curves):
            here = next((point for point in curve.points if point.at == self._chosen), None)
            entry = Text().append(f"{curve.marker} ", curve.colour).append(curve.name)
            if here:
                entry.append(f" {signed(here.y, 2)}")
            if here and here.low is not None:
                of = "from" if curve.faint else "95 %"
                entry.append(f", {of} {signed(here.low, 2)} to {signed(here.high, 2)}")
            lines.append(entry)
        return Text("\n").join(lines)
