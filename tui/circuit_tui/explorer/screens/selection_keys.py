"""The keys that choose, the same in every pane: checkpoint, role, task, marks, and the way back."""

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import replace

from textual.timer import Timer

from circuit_tui.explorer import role_display
from circuit_tui.explorer.screens.copy_keys import CopyingScreen
from circuit_tui.explorer.screens.explorer import in_turn
from circuit_tui.explorer.state import Head
from circuit_tui.explorer.widgets.checkpoints import Checkpoints
from circuit_tui.explorer.widgets.heads import MOST
from circuit_tui.explorer.widgets.list_pane import Listing
from circuit_tui.explorer.widgets.timeline import sentence

_FRAME = 0.5
"""Seconds that a checkpoint stays in the time-lapse."""


class SelectionScreen(CopyingScreen):
    _timer: Timer | None = None

    @in_turn
    def action_step(self, by: int) -> None:
        """Go along the checkpoints that are listed; the head stays."""
        steps = sorted(self._listed())
        if self.look and steps and self.look.at.step is not None:
            place = bisect_left(steps, self.look.at.step) + by
            self.choose(step=steps[max(0, min(place, len(steps) - 1))], head=self.look.at.head)

    @in_turn
    def action_event(self, by: int) -> None:
        """Go to the next checkpoint at which something comes, goes or changes hands, and say what."""
        if not self.look or self.look.at.step is None:
            return
        here, events = self.look.at.step, self.look.held.events
        there = [event.step for event in events if (event.step - here) * by > 0]
        if not there:
            known = "after" if by > 0 else "before"
            return self.say(
                f"No event {known} this checkpoint." if events else "No event is known yet: runs find them."
            )
        step = min(there) if by > 0 else max(there)
        self.choose(step=step, head=self.look.at.head)
        self.say("\n".join(sentence(event) for event in events if event.step == step))

    def action_play(self) -> None:
        """Play training from here, or from the start if this is its end."""
        self.playing = not self.playing
        if self._timer:
            self._timer.stop()
        if self.playing and self.look:
            if self._at_end():
                self.action_step(-len(self._listed()))
            self._timer = self.set_interval(_FRAME, self._play_on)
        self.frame()

    def _play_on(self) -> None:
        self.action_step(1)
        if self._at_end():
            self.action_play()

    def _at_end(self) -> bool:
        steps = self._listed()
        return not steps or not self.look or self.look.at.step == max(steps)

    def _listed(self) -> list[int]:
        """The checkpoints that are listed, once those of the model are."""
        listed = self.query_one(Checkpoints)
        if self.look and self.look.at.model == listed.at.model:
            return [row["step"] for row in listed.rows]
        return [c.step for c in self.look.held.checkpoints] if self.look else []

    @in_turn
    def action_model(self, by: int) -> None:
        if self.look and self.look.at.model:
            names = [row["model"] for row in self.look.held.models]
            self.choose(model=names[(names.index(self.look.at.model) + by) % len(names)])

    @in_turn
    def ask_role(self, ask: Callable[[list[str], str], object]) -> None:
        """Have one of the roles chosen, if there are any: `ask` gets them and the one that is looked at."""
        if self.look and self.look.at.role:
            ask(role_display.ordered(self.look.held.roles), self.look.at.role)

    def take_role(self, role: str | None) -> None:
        if role:
            self.choose(role=role)

    @in_turn
    def action_role(self, by: int) -> None:
        if self.look and self.look.at.model and self.look.at.role:
            held = role_display.ordered(self.look.held.roles)
            self.choose(role=held[(held.index(self.look.at.role) + by) % len(held)])

    @in_turn
    def action_task(self) -> None:
        if self.look and self.look.at.model and self.look.at.task:
            tasks = self.look.held.tasks
            self.choose(task=tasks[(tasks.index(self.look.at.task) + 1) % len(tasks)])

    @in_turn
    def action_mark(self) -> None:
        if self.look and (head := self.look.at.head):
            marks = self.look.at.marks
            self._mark(tuple(m for m in marks if m != head) if head in marks else (*marks, head))

    @in_turn
    def action_range(self) -> None:
        """Mark what lies between the last mark and the cursor."""
        if self.look and (head := self.look.at.head):
            marks = self.look.at.marks
            between = self.heads.between(marks[-1] if marks else head, head)
            self._mark((*marks, *(m for m in between if m not in marks)))

    def _mark(self, marks: tuple[Head, ...]) -> None:
        if len(marks) > MOST:
            self.say(f"One plot keeps {MOST} heads apart, these would be {len(marks)}: * clears the marks.")
        else:
            self.choose(marks=marks)

    @in_turn
    def action_marks(self) -> None:
        if self.look:
            self.choose(marks=() if self.look.at.marks else self.heads.best())

    @in_turn
    def action_history(self, by: int) -> None:
        """Go back to what was shown before, or forward again."""
        if not self.look:
            return
        there = (self.trail.back if by < 0 else self.trail.forward)(self.look.at)
        if there is None:
            return self.say("This is where it began." if by < 0 else "There is no way forward from here.")
        self.wish = replace(there, **self._marks_of(there.model))
        self.go_to_wish()

    @in_turn
    def action_match(self, by: int) -> None:
        """The next of the rows that the filter left, round and round."""
        pane = self.pane
        if isinstance(pane, Listing) and pane.pattern and pane.rows:
            pane.body.go((pane.body.cursor + by) % len(pane.rows))
        elif isinstance(pane, Listing):
            self.say("Nothing matches: esc clears the filter." if pane.pattern else "There is no filter: / sets one.")
