"""The earliest head of each role by the size of the model: a line a role and model, with a mark on the axis of training
where the head comes, and where the first comes that is in its task's circuits.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rich.text import Text

from circuit_tui.explorer import theme
from circuit_tui.explorer.screens.page import cut, words
from circuit_tui.explorer.widgets.axis import spread
from circuit_tui.explorer.widgets.heads import badge
from circuit_tui.explorer.widgets.live_text import ChangedLines
from circuit_tui.explorer.widgets.notation import head_name, plain, short

Row = dict[str, Any]
_ROLE, _BADGE, _MODEL, _HEAD, _WHEN = 26, 5, 13, 8, 7
_WIDE = 70
"""Columns from which on roles are named in full."""
_DOTS = 16
"""Columns of the axis at least: narrower it is left out."""
MARKS = "● earliest   ○ in circuits   ◉ both at once"


@dataclass(frozen=True)
class Comes:
    """When a role comes in a model."""

    model: str
    role: str
    task: str
    """Named where there are several."""
    first: bool
    """Of its role."""
    head: Row
    """Of the view `emergence`: of all heads, and of those in circuits."""
    in_circuit: Row | None
    place: float | None
    place_in_circuit: float | None
    colour: str


class Earliest(ChangedLines):
    """`resized` hears when there is more or less room for the axis."""

    def __init__(self, resized: Callable[[], None]) -> None:
        super().__init__(self._comes, lambda: None)
        self._resized = resized
        self._at = 0.0
        self.ticks: list[tuple[float, str]] = []

    def show_rows(self, rows: list[Comes], ticks: list[tuple[float, str]], at: float) -> None:
        self._at, self.ticks = at, ticks
        self.update(rows, min(self.cursor, max(0, len(rows) - 1)))

    def point(self, at: float) -> None:
        if at != self._at:
            self._at = at
            self.update(self.rows, self.cursor)

    def on_resize(self) -> None:
        self.call_after_refresh(self._resized)

    @property
    def ruler(self) -> Text:
        """The axis of training below the marks."""
        before, room = self._columns(self._width)
        labels = [(round(place * (room - 1)), label) for place, label in self.ticks] if room else []
        muted = theme.palette(self.app.current_theme.dark).muted
        return Text(" " * before + spread(labels, room), muted, no_wrap=True) if room else Text()

    def _columns(self, width: int) -> tuple[int, int]:
        """What stands before the axis, and how long it is."""
        before = (_ROLE if width >= _WIDE else _BADGE) + _MODEL + _HEAD + _WHEN
        room = width - before - 1
        return before, room if room >= _DOTS else 0

    def _comes(self, row: Comes, width: int) -> Text:
        muted = theme.palette(self.app.current_theme.dark).muted
        wide = width >= _WIDE
        named = Text(" " * (_ROLE if wide else _BADGE))
        if row.first:
            task = f" {plain(row.task)}" if row.task else ""
            named = Text().append_text(badge(row.role)).append(" ")
            named.append_text(cut(f"{words(row.role)}{task}", _ROLE - named.cell_len) if wide else Text())
        line = named.append_text(cut(plain(row.model), _MODEL - 1)).append(" ")
        of = row.head
        if of["step"] is None:
            line.append(f"{'–':<{_HEAD}}{'–':>{_WHEN - 1}} ", muted)
        else:
            when = short(of["tokens"]) if of["tokens"] is not None else f"@{of['step']}"
            line.append(f"{head_name((of['layer'], of['head'])):<{_HEAD}}{when:>{_WHEN - 1}} ")
        room = self._columns(width)[1]
        return line.append_text(self._marks(row, room)) if room else line

    def _marks(self, row: Comes, room: int) -> Text:
        palette = theme.palette(self.app.current_theme.dark)
        cells = [(" ", "")] * room
        if row.head["step"] is None and row.in_circuit is None:
            said = plain(row.head["reason"] or "does not come")
            cells = [(character, palette.muted) for character in said.ljust(room)[:room]]
        cells[self._cell(self._at, room)] = ("│", palette.accent)
        if row.place_in_circuit is not None:
            cells[self._cell(row.place_in_circuit, room)] = ("○", row.colour)
        if row.place is not None:
            both = row.place == row.place_in_circuit
            cells[self._cell(row.place, room)] = ("◉" if both else "●", row.colour)
        line = Text()
        for character, colour in cells:
            line.append(character, colour)
        return line

    def _cell(self, place: float, room: int) -> int:
        return max(0, min(round(place * (room - 1)), room - 1))
