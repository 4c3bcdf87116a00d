"""A figure as a part of a screen: curves with their legend below, or one sentence why there are none."""

from collections.abc import Callable

from rich.text import Text
from textual.app import ComposeResult

from circuit_tui.explorer.screens.full_screen import Part
from circuit_tui.explorer.study.drawing import Drawing, Ink
from circuit_tui.explorer.widgets.curve import Curve, Scale
from circuit_tui.explorer.widgets.curves import Curves
from circuit_tui.explorer.widgets.legend import flow
from circuit_tui.explorer.widgets.live_text import Note

Table = Callable[[float, int], Text]
"""More that is said at a place, in lines of a width."""
_LOW = 16
"""Lines of a part below which there is no room for a table, and little for the legend."""
_CURVES = 9
"""Lines that the curves have at least, with their axis and the title, where a part is higher."""


class Figure(Part):
    DEFAULT_CSS = "Figure Note { color: $foreground; }"

    def __init__(self, name: str):
        super().__init__(id=name)
        self.drawing = Drawing(())
        self._ink = Ink(True)
        self._at = 0.0
        self._skipped: list[Text] = []
        self._lines = 0
        """Most that the legend has had: it does not give them back, so that the curves stay as large as they are."""
        self._table: Table | None = None

    def compose(self) -> ComposeResult:
        yield Note(id=f"said-{self.id}")
        yield Curves()
        yield Note(id=f"legend-{self.id}")

    def show(
        self, drawing: Drawing, skipped: list[Curve], scale: Scale, at: float, ink: Ink, table: Table | None = None
    ) -> None:
        """`skipped`: marks below the curves."""
        if drawing.title != self.drawing.title:
            self._lines = 0
        self.drawing, self._table, self._ink = drawing, table, ink
        self._skipped = [Text(f"{one.marker} {one.name}", ink.muted) for one in skipped]
        self.title(*drawing.title)
        self.query_one(f"#said-{self.id}", Note).say(Text(drawing.reason))
        self.query_one(Curves).show([*skipped, *drawing.curves] if drawing.curves else [], scale, at)
        self._say(at)

    def point(self, at: float) -> None:
        self.query_one(Curves).point(at)
        self._say(at)

    def on_resize(self) -> None:
        self._lines = 0
        self.call_after_refresh(self._say, self._at)

    def _say(self, at: float) -> None:
        """What is said at a place, as far as there is room."""
        self._at = at
        room, height = self.size.width - 2, self.size.height
        legend = self.query_one(f"#legend-{self.id}", Note)
        if self.drawing.reason or room < 1:
            return legend.say(Text())
        low = height < _LOW
        most = max(1, height // 5 if low else height - _CURVES)
        said = flow([*self.drawing.said(at, self._ink), *self._skipped], room, most)
        if self._table and not low and (more := self._table(at, room)):
            said = Text("\n").join([said, more])
        lines = list(said.wrap(self.app.console, room))[:most]
        self._lines = max(self._lines, len(lines))
        legend.say(Text("\n").join(lines + [Text()] * (self._lines - len(lines))))
