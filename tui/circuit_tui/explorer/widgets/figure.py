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


class Figure(Part):
    DEFAULT_CSS = "Figure Note { color: $foreground; }"

    def __init__(self, name: str):
        super().__init__(id=name)
        self.drawing = Drawing(())
        self._ink = Ink(True)
        self._at = 0.0
        self._skipped: list[Text] = []
        self._table: Table | None = None

    def compose(self) -> ComposeResult:
        yield Note(id=f"said-{self.id}")
        yield Curves()
        yield Note(id=f"legend-{self.id}")

    def show(
        self, drawing: Drawing, skipped: list[Curve], scale: Scale, at: float, ink: Ink, table: Table | None = None
    ) -> None:
        """`skipped`: marks below the curves."""
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
        self.call_after_refresh(self._say, self._at)

    def _say(self, at: float) -> None:
        """What is said at a place, as far as there is room."""
        self._at = at
        room, low = self.size.width - 2, self.size.height < _LOW
        if self.drawing.reason or room < 1:
            return self.query_one(f"#legend-{self.id}", Note).say(Text())
        said = flow(
            [*self.drawing.said(at, self._ink), *self._skipped], room, max(1, self.size.height // 5) if low else None
        )
        if self._table and not low and (more := self._table(at, room)):
            said = Text("\n").join([said, more])
        self.query_one(f"#legend-{self.id}", Note).say(said)
