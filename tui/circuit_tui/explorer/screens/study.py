"""All models over training on one axis: the paper's figures, as the store stands.

Behaviour and circuit size have a curve a model, a size (over its seeds) or a task; the earliest heads are a line a role
and model; top heads, stages and similarity are of the model that is looked at. The line of the current checkpoint moves
without anything being read or drawn anew.
"""

from collections.abc import Callable
from functools import partial
from sqlite3 import Connection
from typing import Any

from rich.text import Text
from textual.app import ComposeResult

from circuit_tui.explorer import bindings
from circuit_tui.explorer.screens.full_screen import Part
from circuit_tui.explorer.screens.grid_screen import GridScreen
from circuit_tui.explorer.state import Selection
from circuit_tui.explorer.study import one_model, roles, series
from circuit_tui.explorer.study.drawing import Drawing, Ink
from circuit_tui.explorer.study.found import BY, Found, read
from circuit_tui.explorer.study.training import Training
from circuit_tui.explorer.widgets.curve import Scale
from circuit_tui.explorer.widgets.earliest import MARKS, Earliest
from circuit_tui.explorer.widgets.figure import Figure
from circuit_tui.explorer.widgets.live_text import Note

FIGURES: dict[str, Callable[[Found, Selection, Training, Ink], Drawing]] = {
    "behaviour": series.behaviour,
    "top-heads": one_model.heads,
    "stages": one_model.stages,
    "size": series.size,
    "similarity": one_model.similarity,
}
EARLIEST = "earliest-heads"
PARTS = ("behaviour", EARLIEST, "top-heads", "stages", "size", "similarity")
_ANALYSES = {
    "behaviour": "behaviour",
    "top-heads": "heads",
    "stages": "algorithm",
    "size": "circuit",
    "similarity": "circuit",
}
_NONE = "The earliest head of each role in each model: known at the end of a run of heads (ctrl+r)."


class Study(GridScreen):
    NAME = "study"
    PARTS = PARTS
    BINDINGS = [*bindings.of(), *bindings.of("screen.study")]
    DEFAULT_CSS = """
    Study #ruler, Study #marks { height: 1; color: $secondary; }
    """

    def __init__(self, main: Any):
        super().__init__(main)
        self.by = next(iter(BY))
        self.log_axis = True
        self.span = 1.0
        self._time = Training((), True)
        self._led_to: tuple[str | None, str | None] = (None, None)
        """Model and role that the cursor was put on."""

    def compose_parts(self) -> ComposeResult:
        for name in PARTS:
            if name in FIGURES:
                yield Figure(name)
            else:
                with Part(id=name):
                    yield Note(id="marks")
                    yield Earliest(self._rule)
                    yield Note(id="ruler")

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one("#parts").display = False  # until there is something to draw

    @property
    def analysis(self) -> str | None:  # pyright: ignore[reportIncompatibleVariableOverride]
        return _ANALYSES.get(self.current)

    @property
    def ink(self) -> Ink:
        return Ink(self.app.current_theme.dark)

    def needs(self, at: Selection) -> tuple[Any, ...]:
        return at.model, at.task, at.role, self.by

    def read(self, at: Selection) -> Callable[[Connection], Found]:
        assert self.main.look
        before = self._found[1] if self._found else None
        return partial(read, at=at, by=self.by, wanted=(self.main.look.version, at.task), before=before)

    def show(self, at: Selection, found: Found) -> None:
        if not found.models:
            return self.vacant("Figures of all models over training: ctrl+r starts a run that computes them.")
        self._time = Training(found.training.checkpoints, self.log_axis)
        place = self._place
        start = max(0.0, min(place - self.span / 2, 1 - self.span))
        span = start, start + self.span
        ticks = self._time.axis.ticks(*span)
        for name, draw in FIGURES.items():
            drawing = draw(found, at, self._time, self.ink)
            table = partial(roles.stages, found, at, self._time, self.ink) if name == "stages" else None
            skipped = self._time.skipped(at.model, drawing.values[0], self.ink.muted)
            scale = Scale(span, ticks, drawing.values)
            self.query_one(f"#{name}", Figure).show(drawing, skipped, scale, place, self.ink, table)
        self._show_earliest(at, found, place)

    def _show_earliest(self, at: Selection, found: Found, place: float) -> None:
        rows, earliest = roles.earliest(found, at, self._time, self.ink), self.query_one(Earliest)
        self.query_one(f"#{EARLIEST}", Part).title("Earliest head of each role", f"{self._time.over}")
        earliest.show_rows(rows, self._time.axis.ticks(), place)
        earliest.message = _NONE
        earliest.led |= (at.model, at.role) != self._led_to
        self._led_to = at.model, at.role
        earliest.lead(roles.line_of(rows, at))
        self.query_one("#marks", Note).say(Text(MARKS if rows else "", no_wrap=True))
        self._rule()

    def _rule(self) -> None:
        """The axis below the earliest heads, as long as it is now."""
        earliest = self.query_one(Earliest)
        self.query_one("#ruler", Note).say(earliest.ruler if earliest.rows else Text())

    def point(self) -> None:
        """Only the line moves."""
        if not self._found or not self.stands:
            return
        if self.span < 1:
            return self.draw()
        for figure in self.query(Figure):
            figure.point(self._place)
        self.query_one(Earliest).point(self._place)

    @property
    def _place(self) -> float:
        at = self.main.look.at if self.main.look else Selection()
        return self._time.place(at.model, at.step)

    def action_axis(self) -> None:
        self.log_axis = not self.log_axis
        self.draw()

    def action_closer(self) -> None:
        self._span(max(1 / 16, self.span / 2))

    def action_wider(self) -> None:
        self._span(min(1.0, self.span * 2))

    def action_reset(self) -> None:
        self._span(1.0)

    def _span(self, span: float) -> None:
        self.span = span
        self.draw()

    def action_series(self) -> None:
        """Go round what the series are."""
        kinds = list(BY)
        self.by = kinds[(kinds.index(self.by) + 1) % len(kinds)]
        self.follow()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A cursor is among the earliest heads alone."""
        return self.current == EARLIEST if action in ("move", "open") else super().check_action(action, parameters)

    def action_move(self, where: str) -> None:
        self.query_one(Earliest).move(where)

    def action_open(self) -> None:
        """Look at the head under the cursor, where it comes."""
        row = self.query_one(Earliest).row
        if row and row.head["step"] is not None:
            head = row.head["layer"], row.head["head"]
            self.choose(model=row.model, role=row.role, step=row.head["step"], head=head)

    def views(self, at: Selection) -> dict[str, dict[str, Any]]:
        """Those of the parts that are shown."""
        of_task, of_model = {"task": at.task}, {"model": at.model}
        all_views = {
            "behaviour": ("behaviour", of_task),
            EARLIEST: ("emergence", {}),
            "top-heads": ("history", of_model | ({"role": at.role} if at.role else {})),
            "stages": ("algorithm", of_task),
            "size": ("size", of_task),
            "similarity": ("similarity", of_task),
        }
        shown = [self.current] if self.has_class("-single") else PARTS
        return dict(all_views[name] for name in shown)

    def copied(self, row: bool) -> str:
        """What stands below the figure; a row has a tab between the values of its curves."""
        part = self.query_one(f"#{self.current}")
        if isinstance(part, Figure) and self._found:
            return ("\t" if row else "   ").join(text.plain for text in part.drawing.said(self._place, self.ink))
        return ""
