"""How alike circuits are over training, beside their noise floors: three curves, and what they say at a checkpoint."""

from typing import TYPE_CHECKING, Any

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.containers import Vertical

from circuit_store import queries
from circuit_tui.explorer import theme
from circuit_tui.explorer.comparing import Curve
from circuit_tui.explorer.widgets.axis import Axis
from circuit_tui.explorer.widgets.live_text import Note
from circuit_tui.explorer.widgets.notation import STATUS_MARKS, signed
from circuit_tui.explorer.widgets.series import Series

if TYPE_CHECKING:
    from circuit_tui.explorer.widgets.plot import Plot

KINDS = {"edge": "edges", "node": "nodes", "weighted": "weighted"}
"""As the store and as a person calls them."""
_FLOOR = "○"
_LEAST = 6
"""Rows of a plot that can be read."""
BEYOND = "beyond the prompts"
"""As `circuit_sweep.comparison` says it of a similarity below its floor."""


class Similarity(Vertical, can_focus=True):
    DEFAULT_CSS = """
    Similarity { height: 1fr; }
    Similarity #said { color: $foreground; }
    Similarity Plot { min-height: 6; min-width: 24; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.plot: Plot | None = None
        self._brings_plot = False
        self.curve = Curve()
        self.checkpoints: list[queries.CheckpointRow] = []
        self.step = 0
        self.kind = 0
        """Of which the floor is drawn."""
        self._said, self._figures = Text(), dict[str, Any]()

    def compose(self) -> ComposeResult:
        yield Note(id="said")

    @work(thread=True)
    def _bring_plot(self) -> None:
        """It takes long to import: the words come first."""
        from circuit_tui.explorer.widgets.plot import Plot

        self.app.call_from_thread(self._put_plot, Plot())

    async def _put_plot(self, plot: "Plot") -> None:
        if self.is_attached:
            await self.mount(plot)
            self.plot = plot
            self.draw()

    def say(self, words: Text, figures: dict[str, Any]) -> None:
        """Words, and below them the figures of A and B, if they have some."""
        self._said, self._figures = words, figures
        colours = theme.palette(self.app.current_theme.dark)
        lines = [words, figures_lines(figures, self.kind, colours)] if figures else [words]
        self.query_one("#said", Note).say(Text("\n").join(lines))

    def move(self, where: str) -> None:
        """Draw the floor of another kind."""
        kinds = {"down": self.kind + 1, "up": self.kind - 1, "first": 0, "last": len(KINDS) - 1}
        self.kind = max(0, min(kinds.get(where, self.kind), len(KINDS) - 1))
        self.say(self._said, self._figures)
        self.draw()

    def show(self, curve: Curve, checkpoints: list[queries.CheckpointRow], step: int) -> None:
        self.curve, self.checkpoints, self.step = curve, checkpoints, step
        self.draw()

    def draw(self) -> None:
        room = self.size.height - self.query_one("#said").size.height
        if self.plot:
            self.plot.display = bool(self.curve.rows) and room >= _LEAST
        if not self.curve.rows or room < _LEAST:
            return
        if self.plot:
            axis = Axis((c.step, c.tokens) for c in self.checkpoints)
            accent = theme.palette(self.app.current_theme.dark).accent
            self.plot.show(self._series(axis), axis.at(self.step), axis.ticks(), (0.0, 1.0), (0.0, 1.0), accent)
        elif not self._brings_plot:
            self._brings_plot = True
            self._bring_plot()

    def on_resize(self) -> None:
        self.call_after_refresh(self.draw)

    def _series(self, axis: Axis) -> list[Series]:
        colours, chosen = theme.palette(self.app.current_theme.dark), list(KINDS)[self.kind]
        floor = Series("noise floor", colours.muted, _FLOOR, self._parts(f"{chosen}_floor_low", axis))
        curves = [
            Series(
                KINDS[kind],
                colours.mark(theme.SERIES[i]),
                theme.MARKERS[i] if kind == chosen else "·",
                self._parts(f"{kind}_jaccard", axis),
            )
            for i, kind in enumerate(KINDS)
        ]
        return [floor, *curves[: self.kind], *curves[self.kind + 1 :], curves[self.kind]]

    def _parts(self, column: str, axis: Axis) -> list[list[tuple[float, float]]]:
        """The curve ends where a checkpoint has no value, or none that counts, and begins anew after."""
        values = {row["step"]: row[column] for row in self.curve.rows}
        parts: list[list[tuple[float, float]]] = [[]]
        for checkpoint in self.checkpoints:
            value = values.get(checkpoint.step)
            if checkpoint.status in STATUS_MARKS or value is None:
                parts.append([])
            else:
                parts[-1].append((axis.at(checkpoint.step), value))
        return [part for part in parts if part]


def verdict(figures: dict[str, Any]) -> str:
    """Whether a change is more than what other prompts would make of it."""
    changes = {words: figures[f"{kind}_change"] for kind, words in KINDS.items()}
    known = {words: change for words, change in changes.items() if change is not None}
    beyond = [words for words, change in known.items() if change == BEYOND]
    if not known:
        return "No noise floor is stored: run --resamples N computes it."
    if not beyond:
        return "Not told apart from the prompts' noise."
    if len(beyond) == len(known):
        return "A change beyond the prompts' noise."
    rest = [words for words in known if words not in beyond]
    return f"Beyond the prompts' noise: {', '.join(beyond)}; not told apart: {', '.join(rest)}."


def figures_lines(figures: dict[str, Any], chosen: int, colours: theme.Palette) -> Text:
    """Of each kind the similarity, and on which side of its floor; `chosen`: whose floor is drawn."""
    lines = []
    for i, (kind, words) in enumerate(KINDS.items()):
        floors = [figures[f"{kind}_floor_{side}"] for side in "ab"]
        floor = None if None in floors else min(floors)
        line = Text("›" if i == chosen else " ", no_wrap=True).append(
            f"{theme.MARKERS[i]} ", colours.mark(theme.SERIES[i])
        )
        line.append(f"{words:<9}{signed(figures[f'{kind}_jaccard'], 2):>5}")
        side = "<" if figures[f"{kind}_change"] == BEYOND else "≥"
        mark = f"{_FLOOR} " if i == chosen else ""
        told = f" {side} noise floor {signed(floor, 2)} {mark}" if floor is not None else ""
        lines.append(line.append(told, colours.muted))
    return Text("\n").join(lines)
