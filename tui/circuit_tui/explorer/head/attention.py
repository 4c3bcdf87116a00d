"""Where a head looks from the answer position of a prompt."""

from collections.abc import Callable
from typing import Any

from rich.text import Text

from circuit_store import queries
from circuit_tui.explorer.head.part import HeadPart, here, of_head, task_of
from circuit_tui.explorer.one_head import OneHead
from circuit_tui.explorer.state import Selection, ViewState
from circuit_tui.explorer.widgets.attention_lines import attention_line, places
from circuit_tui.explorer.widgets.notation import plain


class Attention(HeadPart):
    """`prompt`: the one that is shown, from 0; it goes round."""

    NAME, ANALYSIS = "attention", "attention"

    def __init__(self) -> None:
        super().__init__()
        self.prompt = 0

    def on_mount(self) -> None:
        self.body.pointed = False

    def fill(self, look: ViewState, at: Selection, found: OneHead, command: Callable[[str], str]) -> None:
        prompts = found.attended.prompts if found.attended else []
        self.prompt %= max(1, len(prompts))
        which = f"prompt {self.prompt + 1} of {len(prompts)}" if prompts else ""
        looks = places(prompts[self.prompt]) if prompts else []
        self.put(["Attention", task_of(at), which, "from the answer"], looks, 0, self._why_none(at, found, command))

    def _why_none(self, at: Selection, found: OneHead, command: Callable[[str], str]) -> str:
        if at.task is None:
            return "Heads look at the tokens of a task's prompts: none of them is computed yet."
        if found.attended is None:
            return f"Where heads look is not computed at step {at.step}: {command('heads')}"
        return f"undefined: {plain(found.attended.reason)}"

    def line(self, row: queries.Look, width: int) -> Text:
        return attention_line(row, width, self.colours)

    def copied(self) -> str:
        return " ".join(plain(look.token).strip() for look in self.body.rows)

    def views(self, at: Selection) -> dict[str, dict[str, Any]]:
        return {"attention": {**here(at), **of_head(at)}} if at.task else {}
