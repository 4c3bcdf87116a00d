"""What the keys of the explorer do that are the same in every pane; `bindings` lists them."""

from bisect import bisect_left
from os import environ
from pathlib import Path
from typing import TYPE_CHECKING, cast

from rich.text import Text
from textual.timer import Timer

from circuit_store import queries
from circuit_tui import bindings, clipboard, state, theme
from circuit_tui.screens import saving
from circuit_tui.screens.explorer import ExplorerScreen
from circuit_tui.screens.help import Help
from circuit_tui.screens.text import TextScreen
from circuit_tui.widgets.checkpoints import Checkpoints
from circuit_tui.widgets.heads import MOST
from circuit_tui.widgets.listing import Listing
from circuit_tui.widgets.models import Models
from circuit_tui.widgets.notation import plain

if TYPE_CHECKING:
    from circuit_tui.app import Explorer

_FRAME = 0.5
"""Seconds that a checkpoint stays in the time-lapse."""


class KeyedScreen(ExplorerScreen):
    BINDINGS = bindings.of()
    _timer: Timer | None = None

    @property
    def explorer(self) -> "Explorer":
        return cast("Explorer", self.app)

    def action_help(self) -> None:
        self.app.push_screen(Help())

    def action_pane(self, name: str) -> None:
        self.show_pane(name)

    def action_next_pane(self, by: int) -> None:
        order = bindings.PANES
        self.show_pane(order[(order.index(self.pane_name) + by) % len(order)])

    def action_zoom(self, into: bool) -> None:
        self.set_class(into, "-zoomed")
        self.show_pane(self.pane_name)

    def action_filter(self) -> None:
        self.open_filter()

    def action_back(self) -> None:
        """Undo the nearest of filter, zoom and way."""
        pane = self.pane
        if isinstance(pane, Listing) and (pane.pattern or self.query_one("#filter").has_class("-open")):
            pane.narrow("")
            self.show_pane(self.pane_name)
        elif self.has_class("-zoomed"):
            self.action_zoom(False)
        elif self.single and self.pane_name != bindings.PANES[0]:
            self.action_next_pane(-1)

    def action_step(self, by: int) -> None:
        """Go along the checkpoints that are listed; the head stays."""
        steps = sorted(row["step"] for row in self.query_one(Checkpoints).rows)
        if self.look and steps and self.look.at.step is not None:
            place = bisect_left(steps, self.look.at.step) + by
            self.choose(step=steps[max(0, min(place, len(steps) - 1))], head=self.look.at.head)

    def action_play(self) -> None:
        """Play training from here, or from the start if this is its end."""
        self.playing = not self.playing
        if self._timer:
            self._timer.stop()
        if self.playing and self.look:
            if self._at_end():
                self.action_step(-len(self.query_one(Checkpoints).rows))
            self._timer = self.set_interval(_FRAME, self._play_on)
        self.frame()

    def _play_on(self) -> None:
        self.action_step(1)
        if self._at_end():
            self.action_play()

    def _at_end(self) -> bool:
        steps = [row["step"] for row in self.query_one(Checkpoints).rows]
        return not steps or not self.look or self.look.at.step == max(steps)

    def action_role(self, by: int) -> None:
        if self.look and self.look.at.model and self.look.at.role:
            roles = queries.roles(self.look.db, self.look.at.model)
            self.choose(role=roles[(roles.index(self.look.at.role) + by) % len(roles)])

    def action_task(self) -> None:
        if self.look and self.look.at.model and self.look.at.task:
            tasks = queries.tasks(self.look.db, self.look.at.model)
            self.choose(task=tasks[(tasks.index(self.look.at.task) + 1) % len(tasks)])

    def action_mark(self) -> None:
        if not self.look or not (head := self.look.at.head):
            return
        marks = self.look.at.marks
        if head not in marks and len(marks) == MOST:
            self.say(f"{MOST} heads are marked, as many as one plot can keep apart: * clears them.")
        else:
            self.choose(marks=tuple(m for m in marks if m != head) if head in marks else (*marks, head))

    def action_marks(self) -> None:
        if self.look:
            self.choose(marks=() if self.look.at.marks else self.heads.best())

    def action_provenance(self) -> None:
        at, analysis = self.look and self.look.at, self.pane.analysis
        if not self.look or not at or not at.model or at.step is None or not analysis:
            return self.say("A model has no number of its own: ask in one of the other panes.")
        role, task = (at.role, None) if analysis == "heads" else (None, at.task)
        found = queries.provenance(self.look.db, at.model, at.step, analysis, role, task)
        if found is None:
            return self.say(f"Nothing is computed here: no {analysis} at step {at.step}.")
        self.app.push_screen(TextScreen("Where this number comes from", saving.provenance(found)))

    def action_copy(self, row: bool) -> None:
        text = self._row() if row else self.pane.value()
        if not text:
            return self.say("There is nothing to copy here yet.")
        self.app.copy_to_clipboard(text)
        if clipboard.sequence(text, environ):
            self.say(f"sent to the terminal ({len(text.encode())} bytes)")
        else:
            self._write_copy(text)

    def _write_copy(self, text: str) -> None:
        path = state.folder() / "copied.txt"
        try:
            path.write_text(text)
            self.say(f"too long for the terminal's clipboard: written to {path}")
        except OSError as error:
            self.say(f"too long for the terminal's clipboard, and no file could be written: {error}")

    def _row(self) -> str:
        filters, row = self.pane.filters(), self.pane.row()
        if not self.look or filters is None or row is None:
            return ""
        return saving.tsv(self.look.db, self.pane.view, filters | row)

    def action_export(self) -> None:
        filters = self.pane.filters()
        if not self.look or filters is None:
            return self.say("There is nothing to export here yet.")
        text = saving.csv(self.look.db, self.pane.view, filters)
        try:
            path = saving.write(text, self.pane.view, filters, Path.cwd())
        except OSError as error:
            return self.say(f"No file could be written: {error}")
        self.say(f"{path.name} written to {path.parent}\n{saving.command(self.pane.view, filters)}")

    def action_theme(self) -> None:
        self.app.theme = theme.LIGHT.name if self.app.current_theme.dark else theme.DARK.name
        if self.look:
            self.redraw()

    def action_reload(self) -> None:
        self.explorer.close_store()
        self.explorer.poll()

    def action_error(self) -> None:
        self.app.push_screen(TextScreen("Last error", Text(self.explorer.last_error)))

    def say(self, text: str) -> None:
        self.app.notify(text, markup=False)

    async def press(self, key: bindings.Key) -> None:
        """What the palette does for a key: as if pressed in a pane that has it."""
        if key.where and self.pane_name not in key.where:
            self.show_pane(key.where[0])
        await self.app.run_action(key.action, self.pane if key.where else self)

    def choices(self) -> list[tuple[str, str, str | int]]:
        """What can be chosen by name: (field of the selection, as shown, value)."""
        if not self.look or not self.look.at.model:
            return []
        db, model = self.look.db, self.look.at.model
        models = [("model", row["model"], row["model"]) for row in self.query_one(Models).all]
        named = [("role", name, name) for name in queries.roles(db, model)]
        named += [("task", name, name) for name in queries.tasks(db, model)]
        steps = [("step", str(c.step), c.step) for c in queries.checkpoints(db, model)]
        return [(kind, plain(name), value) for kind, name, value in (*models, *named, *steps)]
