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
_BADGE, _MODEL, _HEAD, _WHEN = 5, 13, 8, 7
_NAMED = 14, 26
"""Columns of a role with its name: fewer, and its badge stands alone."""
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
        role, room = self._columns(self._width)
        labels = [(round(place * (room - 1)), label) for place, label in self.ticks] if room else []
        muted = theme.palette(self.app.current_theme.dark).muted
        return (
            Text(" " * (role + _MODEL + _HEAD + _WHEN) + spread(labels, room), muted, no_wrap=True) if room else Text()
        )

    def _columns(self, width: int) -> tuple[int, int]:
        """How wide a role is, and how long the axis."""
        others = _MODEL + _HEAD + _WHEN
        role = min(_NAMED[1], width - others - _DOTS - 1)
        role = role if role >= _NAMED[0] else _BADGE
        room = width - role - others - 1
        return role, room if room >= _DOTS else 0

    def _comes(self, row: Comes, width: int) -> Text:
        muted = theme.palette(self.app.current_theme.dark).muted
        wide, room = self._columns(width)
        named = Text(" " * wide)
        if row.first:
            task = f" {plain(row.task)}" if row.task else ""
            named = Text().append_text(badge(row.role)).append(" ")
            if wide > _BADGE:
                named.append_text(cut(f"{words(row.role)}{task}", wide - _BADGE - 1)).append(" ")
        line = named.append_text(cut(plain(row.model), _MODEL - 1)).append(" ")
        of = row.head
        if of["step"] is None:
            line.append(f"{'–':<{_HEAD}}{'–':>{_WHEN - 1}} ", muted)
        else:
            when = short(of["tokens"]) if of["tokens"] is not None else f"@{of['step']}"
            line.append(f"{head_name((of['layer'], of['head'])):<{_HEAD}}{when:>{_WHEN - 1}} ")
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
