"""Where the chosen head looks from the answer position of a task's prompts, token by token."""

from collections.abc import Callable
from functools import partial
from sqlite3 import Connection
from typing import Any

from rich.text import Text

from circuit_store import queries
from circuit_tui.explorer.screens.follower import Panes
from circuit_tui.explorer.screens.page import Page, cut, wrapped
from circuit_tui.explorer.state import Selection
from circuit_tui.explorer.widgets.notation import bar, head_name, plain, signed

_TOKEN, _BAR = 22, 30
_NOTHING = "Heads look at the tokens of a task's prompts: none of them is computed yet."


class Attention(Page):
    BINDINGS = [
        *[("a", "dismiss", "Close"), ("comma", "step(-1)", "Back"), ("full_stop", "step(1)", "On")],
        *[("n", "prompt(1)", "Next prompt"), ("N", "prompt(-1)", "Previous prompt")],
    ]

    def __init__(self, main: Panes):
        super().__init__(main)
        self.prompt = 0

    def action_step(self, by: int) -> None:
        self.main.action_step(by)

    def action_prompt(self, by: int) -> None:
        self.prompt += by
        self.draw()

    def needs(self, at: Selection) -> tuple[Any, ...]:
        return (*super().needs(at), at.head)

    def heading(self, at: Selection) -> str:
        head = f"{head_name(at.head)} · " if at.head else ""
        return f"Attention · {head}{plain(at.model)} step {at.step}   , . step"

    def views(self, at: Selection) -> dict[str, dict[str, Any]]:
        if not at.task or not at.head:
            return {}
        layer, head = at.head
        return {"attention": {"model": at.model, "step": at.step, "task": at.task, "layer": layer, "head": head}}

    def read(self, at: Selection) -> Callable[[Connection], Any]:
        if at.model is None or at.step is None or at.task is None or at.head is None:
            return lambda db: None
        return partial(queries.attended, model=at.model, step=at.step, task=at.task, head=at.head)

    def write(self, at: Selection, found: queries.Attended | None) -> Text:
        if at.model is None or at.step is None or at.task is None or at.head is None:
            return Text(wrapped(_NOTHING, 0))
        if found is None:
            return self.missing("Where heads look is", self._command(at))
        if not found.prompts:
            return self.topic(plain(at.task)).append(wrapped(f"undefined: {plain(found.reason)}"), self.colours.muted)
        self.prompt %= len(found.prompts)
        which = f"{plain(at.task)} · prompt {self.prompt + 1} of {len(found.prompts)}"
        lines = self.topic(which, "attention from the last token, 0..1")
        for token, weight in found.prompts[self.prompt]:
            lines.append_text(cut(f"  {plain(token)}", _TOKEN)).append(f"{signed(weight, 2):>6}  ")
            lines.append(bar(weight, _BAR), self.colours.accent).append("\n")
        return lines.append("n N go through the prompts", self.colours.muted)

    def _command(self, at: Selection) -> str:
        where = f"{plain(at.model)} --checkpoints {at.step} --analyses heads --tasks {plain(at.task)}"
        return f"{self.main.program} run {where}"
