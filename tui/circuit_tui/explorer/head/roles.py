"""The roles of a head over training."""

from collections.abc import Callable
from typing import Any

from rich.text import Text
from textual.app import ComposeResult

from circuit_tui.explorer.head.part import HeadPart, of_head
from circuit_tui.explorer.one_head import Course, OneHead, OverTraining
from circuit_tui.explorer.state import Head, Selection, ViewState
from circuit_tui.explorer.widgets import role_table
from circuit_tui.explorer.widgets.live_text import Note
from circuit_tui.explorer.widgets.notation import head_name
from circuit_tui.explorer.widgets.role_table import Columns, RoleLine
from circuit_tui.explorer.widgets.sparkline import Lines


class Roles(HeadPart):
    NAME, ANALYSIS = "roles", "heads"

    def __init__(self, lines: Lines, choose: Callable[..., None]):
        super().__init__()
        self.lines, self._choose = lines, choose
        self._head: Head = (0, 0)
        self._step: int | None = None
        self._blocks: dict[tuple[Any, ...], Text] = {}
        """Those that are drawn, of one head: a step changes none of them."""
        self._drawn: tuple[OverTraining | None, bool] = (None, True)

    def compose(self) -> ComposeResult:
        yield Note(classes="columns")
        yield from super().compose()
        yield Note(classes="detail")

    def fill(self, look: ViewState, at: Selection, found: OneHead, command: Callable[[str], str]) -> None:
        courses, role = found.over.courses, look.at.role
        self._head, self._step = found.head, at.step
        if self._drawn != (drawn := (found.over, self.app.current_theme.dark)):
            self._drawn = drawn
            self._blocks.clear()
        rows = role_table.lines(courses, role, self.body.size.height)
        chosen = next((i for i, row in enumerate(rows) if (row.course.role, row.kind) == (role, "role")), -1)
        self.body.pointed = chosen >= 0
        columns = Columns.of(self.width)
        line = self.lines.of(columns.line)
        title = [f"Roles of {head_name(found.head)}", f"score over {line.unit}, 1 is full"]
        self.put(title, rows, max(0, chosen), "No role of this head has a score above .05.")
        self.say("columns", columns.names(line, at.step, self.colours) if rows else Text())
        self.say("detail", self._details(courses, role, at.step))

    def _details(self, courses: list[Course], role: str | None, step: int | None) -> Text:
        """The chosen role in full, and the roles that are not in the table."""
        chosen = [role_table.detail(course, step) for course in courses if course.role == role and course.defined]
        lines = [Text(line) for line in chosen]
        return Text("\n").join(lines + [Text(line, self.colours.muted) for line in role_table.rest(courses, role)])

    def line(self, row: RoleLine, width: int) -> Text:
        columns = Columns.of(width)
        key = (row.course.role, columns.line, row.tier, row.tiers)
        if key not in self._blocks:
            self._blocks[key] = role_table.curve(row, self.lines.of(columns.line), self.colours)
        return role_table.role_line(row, columns, self._blocks[key], (self._head, self._step), self.colours)

    def chosen(self) -> None:
        if row := self.body.row:
            self._choose(role=row.course.role)

    def copied(self) -> str:
        score = self.body.row.course.scores.get(self._step or 0) if self.body.row else None
        return "" if score is None or score.value is None else repr(score.value)

    def views(self, at: Selection) -> dict[str, dict[str, Any]]:
        return {"history": {"model": at.model, **of_head(at)}}
