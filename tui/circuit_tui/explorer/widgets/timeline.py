"""One line: all checkpoints of the model along training, with the current one marked.

Those that trends skip are greyed, with the mark of their status; where another shares the cell, that one is shown. A
checkpoint at which a task or a role comes is a full diamond, one at which a role goes or changes hands an empty one, in
the role's colour.
"""

from rich.text import Text
from textual.widget import Widget

from circuit_store import queries
from circuit_tui.explorer import theme
from circuit_tui.explorer.state import ViewState
from circuit_tui.explorer.widgets.axis import Axis
from circuit_tui.explorer.widgets.notation import STATUS_MARKS, head_name, plain, short

_EVENTS = {"acquired": "◆", "gained": "◆", "lost": "◇", "handed on": "◇"}
"""Kind -> mark."""


def sentence(event: queries.Event) -> str:
    """`induction is gained by a1.h3`."""
    by = {"gained": " by ", "lost": " by ", "handed on": " from "}.get(event.kind, "")
    heads = f"{by}{head_name(event.head)}" if by and event.head else ""
    return f"{plain(event.name)} is {event.kind}{heads}{f' to {head_name(event.to)}' if event.to else ''}"


class Timeline(Widget):
    DEFAULT_CSS = "Timeline { height: 1; padding: 0 1; }"

    def __init__(self) -> None:
        super().__init__()
        self._checkpoints: list[queries.CheckpointRow] = []
        self._events: list[queries.Event] = []
        self._step: int | None = None

    def follow(self, look: ViewState | None) -> None:
        step = look.at.step if look else None
        shown = (look.held.checkpoints, look.held.events, step) if look else ([], [], None)
        if shown != (self._checkpoints, self._events, self._step):
            self._checkpoints, self._events, self._step = shown
            self.refresh()

    def render(self) -> Text:
        if not self._checkpoints:
            return Text()
        colours = theme.palette(self.app.current_theme.dark)
        axis = Axis((c.step, c.tokens) for c in self._checkpoints)
        before, after = self._ends(axis)
        width = max(10, self.size.width - len(before) - len(after))
        cells = ["─"] * width
        for checkpoint in sorted(self._checkpoints, key=lambda c: c.status not in STATUS_MARKS):
            usual = "•" if checkpoint.computed else "·"
            cells[round(axis.at(checkpoint.step) * (width - 1))] = STATUS_MARKS.get(checkpoint.status or "", usual)
        foreground = self.app.current_theme.foreground or ""
        styles = {"●": f"bold {colours.accent}", "•": foreground}
        inks = [styles.get(cell, "") for cell in cells]
        for event in reversed(self._events):
            place = round(axis.at(event.step) * (width - 1))
            cells[place] = _EVENTS[event.kind]
            inks[place] = foreground if event.kind == "acquired" else colours.mark(theme.role(event.name).colour)
        here = round(axis.at(self._step or 0) * (width - 1))
        cells[here], inks[here] = "●", styles["●"]
        line = Text(before, no_wrap=True, style=colours.muted)
        for cell, ink in zip(cells, inks, strict=True):
            line.append(cell, ink)
        return line.append(after)

    def _ends(self, axis: Axis) -> tuple[str, str]:
        """What stands before and after the line."""
        ends = (self._checkpoints[0], self._checkpoints[-1])
        first, last = (short(c.tokens if axis.unit == "tokens" else c.step) for c in ends)
        steps = [c.step for c in self._checkpoints]
        place = steps.index(self._step) + 1 if self._step in steps else 0
        return f"{axis.unit} {first} ", f" {last}  {place}/{len(steps)}"
