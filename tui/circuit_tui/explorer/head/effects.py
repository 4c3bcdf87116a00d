"""Path patching: which heads act on a head's queries, keys and values, and which on the logits."""

from collections.abc import Callable
from typing import Any

from rich.text import Text

from circuit_tui.explorer.head.part import HeadPart, here, task_of
from circuit_tui.explorer.one_head import OneHead
from circuit_tui.explorer.screens.patch_request import PatchRequest
from circuit_tui.explorer.state import Selection, ViewState
from circuit_tui.explorer.widgets import head_edges
from circuit_tui.explorer.widgets.head_edges import Effect
from circuit_tui.explorer.widgets.notation import head_name, plain

_NONE = "Which heads act on this one, by patching paths on a task's prompts: no task is computed yet."


class Effects(HeadPart):
    """`request`: what was asked for last."""

    NAME, ANALYSIS, GONE_ALONG = "effects", "patch", True
    request: PatchRequest | None = None

    def asked(self, at: Selection) -> PatchRequest | None:
        """What was asked for of this head here."""
        of = self.request and self.request.at
        same = of is not None and (of.model, of.step, of.task, of.head) == (at.model, at.step, at.task, at.head)
        return self.request if same else None

    def fill(self, look: ViewState, at: Selection, found: OneHead, command: Callable[[str], str]) -> None:
        rows = self._rows(at, found)
        unit = "−1 as bad as corrupted" if any(row.sender for row in rows) else ""
        self.put(["Path patching", task_of(at), unit], rows, self.cursor(at, len(rows)), _NONE)

    def _rows(self, at: Selection, found: OneHead) -> list[Effect]:
        asked, rows = self.asked(at), list[Effect]()
        largest = max(map(head_edges.largest_effect, found.patches.values()), default=0.0)
        if at.task and not found.head[0]:
            rows.append(Effect(f"No head precedes {head_name(found.head)}: its q, k and v have no senders."))
        if asked and asked.refusal:
            rows.append(Effect(f"Nothing can be computed here: {plain(asked.refusal)}"))
        for to, patch in found.patches.items():
            if patch:
                rows += head_edges.of_set(to, patch, largest)
            else:
                waiting = asked.waiting(to, found.failed.get(to)) if asked else "not computed: P asks for it"
                rows.append(Effect(f"to {to}   {waiting}", True))
        return rows

    def line(self, row: Effect, width: int) -> Text:
        return head_edges.effect_line(row, width, self.colours)

    @property
    def node(self) -> str:
        return self.body.row.sender if self.body.row else ""

    def copied(self) -> str:
        row = self.body.row
        return "" if row is None else f"{row.sender}\t{row.effect!r}" if row.sender else row.text

    def views(self, at: Selection) -> dict[str, dict[str, Any]]:
        return {"patch": here(at)} if at.task else {}
