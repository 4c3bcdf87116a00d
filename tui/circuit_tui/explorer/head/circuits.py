"""The circuits that a head is in, task by task over training."""

from collections.abc import Callable
from typing import Any

from rich.text import Text
from textual.app import ComposeResult

from circuit_tui.explorer.head.part import HeadPart
from circuit_tui.explorer.one_head import OneHead
from circuit_tui.explorer.state import Selection, ViewState
from circuit_tui.explorer.widgets import circuit_strips
from circuit_tui.explorer.widgets.circuit_strips import Columns, Membership
from circuit_tui.explorer.widgets.live_text import Note
from circuit_tui.explorer.widgets.notation import head_name
from circuit_tui.explorer.widgets.sparkline import Lines

_NONE = "The tasks' circuits that the head is in: none is computed yet for this model."


class Circuits(HeadPart):
    NAME, ANALYSIS = "circuits", "circuit"

    def __init__(self, lines: Lines, choose: Callable[..., None]):
        super().__init__()
        self.lines, self._choose = lines, choose

    def compose(self) -> ComposeResult:
        yield Note(classes="columns")
        yield from super().compose()
        yield Note(classes="detail")

    def fill(self, look: ViewState, at: Selection, found: OneHead, command: Callable[[str], str]) -> None:
        rows = circuit_strips.memberships(found.over.circuits, found.over.within)
        chosen = next((i for i, row in enumerate(rows) if row.task == at.task), -1)
        self.body.pointed = chosen >= 0
        columns = Columns.of(self.width, rows)
        line = self.lines.of(columns.strip)
        self.put([f"Circuits with {head_name(found.head)}", f"over {line.unit}"], rows, max(0, chosen), _NONE)
        self.say("columns", columns.names(line, at.step, self.colours) if rows else Text())
        self.say("detail", Text(circuit_strips.LEGEND if rows else "", self.colours.muted))

    def line(self, row: Membership, width: int) -> Text:
        columns = Columns.of(width, self.body.rows)
        return circuit_strips.strip(row, columns, self.lines.of(columns.strip), self.lines.tokens, self.colours)

    def chosen(self) -> None:
        if row := self.body.row:
            self._choose(task=row.task)

    def copied(self) -> str:
        return self.body.row.task if self.body.row else ""

    def views(self, at: Selection) -> dict[str, dict[str, Any]]:
        return {"circuits": {"model": at.model}}
