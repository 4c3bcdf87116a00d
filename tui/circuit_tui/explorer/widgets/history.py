"""Scores over training: of the marked heads, else of the head under the cursor; or the task's metric.

Checkpoints that trends skip are greyed points beside the curve, with the mark of their status: at their value if they
have one, else at the foot. The curve has a gap there, but for a duplicate, whose weights stand elsewhere on it.
"""

from collections.abc import Callable, Iterable
from functools import partial
from sqlite3 import Connection
from typing import TYPE_CHECKING, Any

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.widget import Widget

from circuit_store import queries
from circuit_tui.explorer import bindings, role_display, theme
from circuit_tui.explorer.state import Head, Selection, ViewState
from circuit_tui.explorer.widgets.axis import Axis
from circuit_tui.explorer.widgets.heads import MOST
from circuit_tui.explorer.widgets.legend import flow
from circuit_tui.explorer.widgets.live_text import Note
from circuit_tui.explorer.widgets.notation import STATUS_MARKS, finite, head_name, plain, signed, status_words
from circuit_tui.explorer.widgets.pane import Pane
from circuit_tui.explorer.widgets.series import Series

if TYPE_CHECKING:
    from circuit_tui.explorer.widgets.plot import Plot

Curve = dict[int, float]
"""Step -> value."""


class History(Pane, can_focus=True):
    NAME = "history"
    ABOUT = "A head's score at every checkpoint, over the tokens seen in training."
    BINDINGS = bindings.of("history")
    RESTS_ON = ("heads", "behaviour")
    DEFAULT_CSS = "History #legend { max-height: 3; color: $foreground; }"

    def __init__(self) -> None:
        super().__init__()
        self.plot: Plot | None = None
        self._brings_plot = False
        self.curves: dict[str, Curve] = {}
        self.metric = ""
        self.of: queries.RoleSet | None = None
        self.log_axis = True
        self.of_task = False
        self.span = 1.0
        self._step: int | None = None
        self._drawn: tuple[Axis, list[Series], list[Series], tuple[float, float]] | None = None
        """Of what the store told: where checkpoints lie, the curves, the checkpoints beside them, and the ends."""

    def compose(self) -> ComposeResult:
        yield Note(id="said")
        yield Note(id="legend")

    @work(thread=True)
    def _bring_plot(self) -> None:
        """It takes as long to import as all the rest to show: that comes first."""
        from circuit_tui.explorer.widgets.plot import Plot

        self.app.call_from_thread(self._put_plot, Plot())

    async def _put_plot(self, plot: "Plot") -> None:
        if not self.is_attached:
            return
        await self.mount(plot)
        self.plot = plot
        self.draw()

    @property
    def body(self) -> Widget:
        return self

    @property
    def view(self) -> str:
        return "behaviour" if self.of_task else "history"

    @property
    def analysis(self) -> str:
        return "behaviour" if self.of_task else "heads"

    def needs(self, at: Selection) -> tuple[Any, ...]:
        of = (at.task,) if self.of_task else (at.role, at.task, self.heads(at))
        return at.model, self.of_task, *of

    def read(self, look: ViewState) -> Callable[[Connection], Any]:
        at = look.at
        if not at.model or not (at.task if self.of_task else at.role):
            return lambda db: ({}, "", None)
        if self.of_task:
            return partial(_of_task, at=at)
        return partial(_of_heads, results=look.held.role_tasks.of(at.role or "", at.task), heads=self.heads(at))

    def hold(self, found: "_Found") -> None:
        self.curves, self.metric, self.of = found

    def heads(self, at: Selection) -> tuple[Head, ...]:
        return at.marks[:MOST] or ((at.head,) if at.head else ())

    @property
    def checkpoints(self) -> list[queries.CheckpointRow]:
        return self.look.held.checkpoints if self.look else []

    def draw(self) -> None:
        axis = Axis(((c.step, c.tokens) for c in self.checkpoints), self.log_axis)
        what = plain(self.at.task if self.of_task else self.at.role or "")
        unit = self.metric if self.of_task else role_display.ends(*self._scale())
        which = [] if self.of_task else role_display.differs(self.of, self.at.task)
        over = f"over {axis.unit}"
        self.title(*([f"{what} {unit}", *which, over] if which else [f"{what} {unit} {over}"] if what else []))
        if not any(self.curves.values()):
            return self.vacant(self._why_empty())
        self._say("")
        self._drawn = axis, self._series(axis), self._greyed(axis), self._range()
        self._put()

    def point(self) -> None:
        """Another checkpoint: axis and curves are the same."""
        if self.at.step != self._step:
            self._put() if self._drawn else self.draw()

    def _put(self) -> None:
        assert self._drawn
        axis, series, greyed, values = self._drawn
        self._step = self.at.step
        self.query_one("#legend", Note).say(self._legend(series, greyed))
        if self.plot:
            at = axis.at(self.at.step or 0)
            span = self._around(at)
            self.plot.show(greyed + series, at, axis.ticks(*span), span, values, self.colours.accent)
        elif not self._brings_plot:
            self._brings_plot = True
            self._bring_plot()

    def vacant(self, reason: str) -> None:
        self.curves, self._drawn, self._step = {}, None, self.at.step
        self._say(reason)

    def _say(self, reason: str) -> None:
        self.query_one("#said", Note).say(Text(reason))
        if reason:
            self.query_one("#legend", Note).say(Text())
        if self.plot:
            self.plot.display = not reason

    def _why_empty(self) -> str:
        at = self.at
        if not at.model or not (at.task if self.of_task else at.role):
            return self.ABOUT
        return f"Nothing is defined yet for {plain(at.task if self.of_task else at.role)} of {plain(at.model)}."

    def _series(self, axis: Axis) -> list[Series]:
        return [
            Series(name, self._colour(i), theme.MARKERS[i], [_places(part, axis) for part in self._parts(curve)])
            for i, (name, curve) in enumerate(self.curves.items())
        ]

    def _parts(self, curve: Curve) -> list[Curve]:
        """A curve without what is not known: it ends at a checkpoint that is bad or unread and begins anew after."""
        parts: list[Curve] = [{}]
        for checkpoint in self.checkpoints:
            if checkpoint.status not in STATUS_MARKS:
                parts[-1] |= {step: curve[step] for step in (checkpoint.step,) if step in curve}
            elif checkpoint.status != "duplicate_of":
                parts.append({})
        return [part for part in parts if part]

    def _greyed(self, axis: Axis) -> list[Series]:
        """The checkpoints that trends skip, by status, each point by itself."""
        foot, points = self._range()[0], dict[str, list[list[tuple[float, float]]]]()
        for at in self.checkpoints:
            if at.status in STATUS_MARKS:
                values = [curve[at.step] for curve in self.curves.values() if at.step in curve] or [foot]
                points.setdefault(at.status, []).extend([(axis.at(at.step), value)] for value in values)
        return [Series(status_words(of), self.colours.muted, STATUS_MARKS[of], found) for of, found in points.items()]

    def _colour(self, index: int) -> str:
        if self.of_task:
            return self.colours.accent
        one = theme.SERIES[index] if len(self.curves) > 1 else theme.role(self.at.role or "").colour
        return self.colours.mark(one)

    def _legend(self, series: list[Series], greyed: list[Series]) -> Text:
        step = Text().append(f"│ step {self.at.step}", self.colours.accent)
        grey = (Text(f"{one.marker} {one.name}", one.colour) for one in greyed)
        return flow((*map(self._entry, series), step, *grey), self.size.width - 2)

    def _entry(self, one: Series) -> Text:
        value = self.curves[one.name].get(self.at.step or 0)
        return Text().append(f"{one.marker} ", one.colour).append(f"{plain(one.name)} {signed(value, 2)}")

    def _around(self, at: float) -> tuple[float, float]:
        """The part of the axis that is shown: all of it, or a span around the checkpoint."""
        start = max(0.0, min(at - self.span / 2, 1 - self.span))
        return start, start + self.span

    def _range(self) -> tuple[float, float]:
        low, high = (0.0, 0.0) if self.of_task else self._scale()
        return min(low, *self._values()), max(high, *self._values())

    def _scale(self) -> tuple[float, float]:
        return role_display.scale(self.at.role or "", self._values())

    def _values(self) -> list[float]:
        return [value for curve in self.curves.values() for value in curve.values()]

    def action_axis(self) -> None:
        self.log_axis = not self.log_axis
        self.draw()

    def action_behaviour(self) -> None:
        self.of_task = not self.of_task
        if self._next:
            self.follow(self._next)

    def action_closer(self) -> None:
        self.span = max(1 / 16, self.span / 2)
        self.draw()

    def action_wider(self) -> None:
        self.span = min(1.0, self.span * 2)
        self.draw()

    def action_reset(self) -> None:
        self.span = 1.0
        self.draw()

    def filters(self) -> dict[str, Any] | None:
        if self.of_task:
            return {"model": self.at.model, "task": self.at.task} if self.at.task else None
        on = {"task": self.of.task} if self.of and self.of.task else {}
        return {"model": self.at.model, "role": self.at.role, **on} if self.at.role else None

    def row(self) -> dict[str, Any] | None:
        if self.of_task or not self.at.head:
            return {"step": self.at.step} if self.of_task else None
        return {"step": self.at.step, "layer": self.at.head[0], "head": self.at.head[1]}

    def value(self) -> str:
        curve = next(iter(self.curves.values()), {})
        value = curve.get(self.at.step or 0)
        return "" if value is None else repr(value)


def _places(curve: Curve, axis: Axis) -> list[tuple[float, float]]:
    return [(axis.at(step), value) for step, value in curve.items()]


_Found = tuple[dict[str, Curve], str, queries.RoleSet | None]


@queries.one_state
def _of_task(db: Connection, at: Selection) -> _Found:
    assert at.model and at.task
    found = queries.behaviour(db, at.model, at.task)
    return {at.task: _curve((row["step"], row["value"]) for row in found)}, found[0]["metric"] if found else "", None


@queries.one_state
def _of_heads(db: Connection, results: dict[int, int], heads: tuple[Head, ...]) -> _Found:
    curves = {head_name(head): _curve(queries.curve(db, results, *head).items()) for head in heads}
    return curves, "", queries.set_of(db, results)


def _curve(points: Iterable[tuple[int, float | None]]) -> Curve:
    """The points that can be drawn."""
    return {step: value for step, value in points if value is not None and finite(value) is not None}
