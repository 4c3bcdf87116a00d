"""Which heads act on the chosen head's queries, keys and values, and which on the logits, by path patching.

What the store does not hold yet is asked for when the page opens, and computed by the ordinary runner, in the
background; the page may be closed. It stays with the head and the checkpoint for which it was opened.
"""

from collections.abc import Callable
from functools import partial
from sqlite3 import Connection
from typing import Any

from rich.text import Text

from circuit_store import queries
from circuit_tui.explorer.one_head import Patched, patched
from circuit_tui.explorer.screens.follower import Panes
from circuit_tui.explorer.screens.page import Page, wrapped
from circuit_tui.explorer.screens.patch_request import POLL, PatchRequest
from circuit_tui.explorer.state import Head, Selection
from circuit_tui.explorer.widgets.head_edges import largest_effect
from circuit_tui.explorer.widgets.notation import bar, digits_for, finite, head_name, plain, signed

STRONGEST = 5
"""Senders that are shown of each set of receivers."""
_BAR = 20


class PathPatch(Page):
    BINDINGS = [("P", "dismiss", "Close")]

    def __init__(self, main: Panes, at: Selection, head: Head):
        super().__init__(main)
        self.at, self.head = at, head
        self.request = PatchRequest(main, at, "close this page and press P")

    def _answered(self, at: Selection, found: Patched) -> None:
        if self._found is None and (missing := [to for to, patch in found[0].items() if patch is None]):
            self.set_interval(POLL, self.draw)
            self.request.ask(self.app, missing, self.follow)
        super()._answered(at, found)

    def needs(self, at: Selection) -> tuple[Any, ...]:
        return tuple(self.request.runs.items())

    def read(self, at: Selection) -> Callable[[Connection], Any]:
        return partial(patched, at=self.at, head=self.head, computing=dict(self.request.runs))

    def heading(self, at: Selection) -> str:
        return f"Path patching · {head_name(self.head)} · {plain(self.at.model)} step {self.at.step}"

    def views(self, at: Selection) -> dict[str, dict[str, Any]]:
        return {"patch": {"model": self.at.model, "step": self.at.step, "task": self.at.task}}

    def write(self, at: Selection, found: Patched) -> Text:
        sets, failed = found
        page = Text(f"{plain(self.at.task)}, MLPs recomputed; effect −1 is as bad as corrupted, 0 none\n\n", "dim")
        if not self.head[0]:
            page.append(wrapped(f"No head precedes {head_name(self.head)}: its q, k and v have no senders.", 0) + "\n")
        if self.request.refusal:
            page.append(wrapped(f"Nothing can be computed here: {plain(self.request.refusal)}", 0) + "\n")
        largest = max(map(largest_effect, sets.values()), default=0.0)
        if largest:
            page.append(f"Bars: all on one scale, full at ±{largest:.{digits_for(largest)}f}\n\n", "dim")
        parts = [self._set(to, patch, largest, failed.get(to)) for to, patch in sets.items()]
        return page.append_text(Text("\n").join(parts))

    def _set(self, to: str, found: queries.PatchOf | None, largest: float, failed: str | None) -> Text:
        """`largest`: the |effect| of a full bar."""
        if found is None:
            return self.topic(f"to {to}").append(wrapped(self.request.waiting(to, failed)))
        clean, corrupted = (signed(found.header[f"metric_{of}"], 2) for of in ("clean", "corrupted"))
        lines = self.topic(f"to {to}", f"metric {clean} clean, {corrupted} corrupted")
        if found.header["reason"]:
            lines.append(wrapped(f"undefined: {plain(found.header['reason'])}"), self.colours.muted)
        for row in found.senders[:STRONGEST]:
            lines.append_text(self._sender(row, digits_for(largest_effect(found)), largest))
        return lines

    def _sender(self, row: dict[str, Any], digits: int, largest: float) -> Text:
        effect = finite(row["effect"])
        line = Text(f"  {row['sender']:<9}{signed(effect, digits):>11} ")
        share = abs(effect) / largest if effect and largest else 0
        line.append(bar(share, _BAR), self.colours.helps if (effect or 0) > 0 else self.colours.hurts)
        return line.append(f" metric {signed(row['metric'], 2)}\n", self.colours.muted)
