"""The heads: a role's score for each, as a heat map, and what is known of the one under the cursor."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from sqlite3 import Connection
from typing import Any

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult

from circuit_store import queries
from circuit_tui.explorer import bindings, role_display, theme
from circuit_tui.explorer.state import Head, Selection, ViewState, strongest
from circuit_tui.explorer.widgets.heat_map import HeatMap
from circuit_tui.explorer.widgets.live_text import Note
from circuit_tui.explorer.widgets.notation import finite, head_name, plain, signed
from circuit_tui.explorer.widgets.pane import Pane

_NOTHING = queries.HeadGrid([], None, False)
MOST = 8
"""Heads that one plot can keep apart."""


class Heads(Pane):
    NAME = "heads"
    ABOUT = "Each head's score in a role (induction, previous token, ...), layer by head."
    BINDINGS = bindings.of("heads")
    RESTS_ON = ("heads",)

    def __init__(self) -> None:
        super().__init__()
        self.grid = _NOTHING
        self.results: list[int] = []
        """Those that answer at the checkpoint, of each role."""
        self.scores: _Scores = {}
        """Of the head under the cursor."""
        self.detailed: tuple[Any, ...] = ()
        """The role and the head whose scores these are."""
        self._detail = f"{self.NAME}: the head under the cursor"

    def compose(self) -> ComposeResult:
        yield HeatMap(self._moved)
        yield Note()

    @property
    def body(self) -> HeatMap:
        return self.query_one(HeatMap)

    def needs(self, at: Selection) -> tuple[Any, ...]:
        return at.model, at.step, at.role, at.task

    def read(self, look: ViewState) -> Callable[[Connection], Any]:
        at = look.at
        if not at.model or not at.role or at.step is None:
            return lambda db: (_NOTHING, [], {}, ())
        tasks = look.held.role_tasks
        shown, here = tasks.of(at.role, at.task), tasks.at(at.step, at.task)
        return partial(_grid, model=at.model, step=at.step, shown=shown, here=here, of=(at.role, at.head))

    def hold(self, found: "_Found") -> None:
        self.grid, self.results, self.scores, self.detailed = found

    def draw(self) -> None:
        at = self.at
        reason = self._why_empty()
        scale = (
            [plain(at.role), *self._which(), f"{role_display.of(at.role)} {role_display.ends(*self._scale())}"]
            if at.role
            else []
        )
        self.title(*scale)
        self.body.paint(self.grid.values, at.marks, at.head, reason)
        self._say(reason)

    def point(self) -> None:
        self.body.point(self.at.marks, self.at.head)
        self._say(self._why_empty())

    def _say(self, reason: str) -> None:
        """Below the map: the scale, and the head under the cursor, once all its scores are read."""
        if reason or not self.at.head:
            self.reader.drop(self._detail)
            self.detailed = ()
            self.query_one(Note).say(Text() if reason else self._lines())
            return
        layer, head = self.at.head
        if (wanted := (self.at.role, self.at.head)) == self.detailed:
            self.reader.drop(self._detail)
            self.query_one(Note).say(self._lines())
        else:
            ask = partial(queries.scores_of_head, results=self.results, layer=layer, head=head)
            self.reader.ask(self._detail, ask, partial(self._read, wanted))

    def _read(self, of: tuple[Any, ...], scores: dict[str, dict[str, Any]]) -> None:
        self.detailed, self.scores = of, scores
        self.query_one(Note).say(self._lines())

    def vacant(self, reason: str) -> None:
        self.grid = _NOTHING
        self.query_one(Note).say(Text())
        self.body.paint([], (), None, reason)

    def _why_empty(self) -> str:
        at = self.at
        if at.role is None:
            return f"{self.ABOUT} None is computed yet for {plain(at.model)}." if at.model else self.ABOUT
        if not self.grid.computed:
            what = " · ".join([plain(at.role), *self._which()])
            return f"{what} is not computed at step {at.step}. , and . go to other checkpoints."
        if self.grid.reason:
            return f"{plain(at.role)} is undefined here: {plain(self.grid.reason)}. m shows the next role."
        return ""

    def _which(self) -> list[str]:
        """Which of several results is shown, where that is not what one would expect."""
        return role_display.differs(self.grid.of, self.at.task)

    def _lines(self) -> Text:
        return Text("\n").join([self._legend(), self._of_head(), self._of_control(), self._of_roles()])

    def _legend(self) -> Text:
        """The ramps from end to end, and the signs in the cells."""
        (low, high), line = self._scale(), Text(no_wrap=True)
        room = 1 if low and high else 2
        if low:
            line.append("−1 ").append_text(_ramp(self.colours.negative[::-1], room)).append(" ")
        line.append("0")
        if high:
            line.append(" ").append_text(_ramp(self.colours.ramp, room)).append(" 1")
        width = self.body.cell[0]
        below = [("X", "1")] if width == 1 else []
        below += [("₅" if width == 1 else ".₅", "−.5")] if low and width < 3 else []
        keys = "  ".join(" ".join(key) for key in below)
        return line.append("  ∅ no value  ").append(keys or "* marked")

    def _scale(self) -> tuple[float, float]:
        return role_display.scale(self.at.role or "", (value for row in self.grid.values for value in row))

    def _of_head(self) -> Text:
        row = self.scores.get(self.at.role or "", {})
        line = Text(no_wrap=True, overflow="ellipsis")
        line.append(head_name(self.detailed[1] if self.detailed else (0, 0)), "bold " + self.colours.accent)
        line.append(f" {plain(self.at.role)} ").append(signed(row.get("value"), 3), "bold")
        return line

    def _of_control(self) -> Text:
        row = self.scores.get(self.at.role or "", {})
        if row.get("reason"):
            return self.dim(f"no value: {plain(row['reason'])}")
        parts = [f"{name} {signed(row[name], 3)}" for name in ("raw", "control") if row.get(name) is not None]
        return self.dim(" − ".join(parts) or "no control is subtracted from this role")

    def _of_roles(self) -> Text:
        line = Text()
        for name in filter(role_display.is_role, role_display.ordered(self.scores)):
            row = self.scores[name]
            line.append_text(badge(name)).append(f" {signed(row['value'], 2)}  ")
        return line

    def _moved(self) -> None:
        self.wish(head=self.body.head)

    def action_move(self, where: str) -> None:
        self.body.move(where)

    def best(self) -> tuple[tuple[int, int], ...]:
        return strongest(self.grid.values, MOST)

    def between(self, one: Head, other: Head) -> tuple[Head, ...]:
        """The heads from one to the other, row by row."""
        width = self.body.heads
        start, end = (layer * width + head for layer, head in (one, other))
        way = 1 if end >= start else -1
        return tuple(divmod(number, width) for number in range(start, end + way, way))

    def filters(self) -> dict[str, Any] | None:
        if self.at.role is None:
            return None
        on = {"task": self.grid.of.task} if self.grid.of and self.grid.of.task else {}
        return {"model": self.at.model, "step": self.at.step, "role": self.at.role, **on}

    def row(self) -> dict[str, Any] | None:
        return {"layer": self.at.head[0], "head": self.at.head[1]} if self.at.head else None

    def value(self) -> str:
        layer, head = self.at.head or (0, 0)
        value = self.grid.values[layer][head] if self.at.head and self.grid.values else None
        return "" if value is None else repr(value)


_Scores = dict[str, dict[str, Any]]
_Found = tuple[queries.HeadGrid, list[int], _Scores, tuple[Any, ...]]


@queries.one_state
def _grid(
    db: Connection, model: str, step: int, shown: dict[int, int], here: list[int], of: tuple[str, Head | None]
) -> _Found:
    """Of a role's results that are shown, with all scores of the head under the cursor among those that are here."""
    grid, head = queries.grid_of(db, model, step, shown), of[1]
    values = [[finite(value) for value in row] for row in grid.values]
    scores = queries.scores_of_head(db, here, *head) if head else {}
    return replace(grid, values=values), here, scores, of if head else ()


def _ramp(colours: tuple[str, ...], width: int) -> Text:
    return Text().join(Text(" " * width, Style(bgcolor=colour)) for colour in colours)


def badge(role: str) -> Text:
    """Two letters on the role's colour."""
    of = theme.role(role)
    return Text(f" {plain(of.badge)} ", Style(color=theme.ink(of.colour), bgcolor=of.colour))
