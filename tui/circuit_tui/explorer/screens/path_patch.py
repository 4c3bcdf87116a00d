"""Which heads act on the chosen head's queries, keys and values, and which on the logits, by path patching.

What the store does not hold yet is asked for when the page opens, and computed by the ordinary runner, in the
background; the page may be closed. It stays with the head and the checkpoint for which it was opened.
"""

import sqlite3
from functools import partial
from typing import Any

from rich.text import Text
from textual.app import App

from circuit_core.errors import CircuitError
from circuit_store import queries
from circuit_store.errors import StoreError
from circuit_store.queue import runs
from circuit_tui.explorer.screens.page import Page, Panes, wrapped
from circuit_tui.explorer.state import Head, Selection, ViewState
from circuit_tui.explorer.widgets.notation import bar, digits_for, finite, head_name, plain, signed

STRONGEST = 5
"""Senders that are shown of each set of receivers."""
_BAR = 20
_POLL = 0.5
"""Seconds between two looks at whether somebody still computes."""


def receivers(head: Head) -> list[str]:
    """The logits, and the head's ports, if any head precedes it."""
    ports = [f"{head_name(head)}<{port}>" for port in "qkv"] if head[0] else []
    return [*ports, "logits"]


def _largest(found: queries.PatchOf) -> float:
    """|effect| of the strongest sender; 0 if none has one."""
    return max((abs(row["effect"]) for row in found.senders if finite(row["effect"])), default=0.0)


class PathPatch(Page):
    BINDINGS = [("P", "dismiss", "Close")]

    def __init__(self, main: Panes, at: Selection, head: Head):
        super().__init__(main)
        self.at, self.head = at, head
        self.runs: dict[str, int] = {}
        """Receivers -> the run that computes them."""
        self.refusal = ""

    def on_mount(self) -> None:
        look = self.main.look
        missing = [to for to in receivers(self.head) if look and self._found(look, to) is None]
        if missing:
            self.set_interval(_POLL, self.follow)
            self.app.run_worker(partial(self._ask, self.app, missing), thread=True, exit_on_error=False)

    def _ask(self, app: App[object], missing: list[str]) -> None:
        """In a thread; the page may be closed by then, and has no app any more."""
        from circuit_tui.runs import sweeps

        at = self.at
        assert at.model and at.task and at.step is not None
        try:
            self.runs = sweeps.begin_patch(self.main.store, at.model, at.step, at.task, missing)
        except (CircuitError, StoreError, ValueError, sqlite3.Error) as error:
            self.refusal = str(error)
        app.call_from_thread(self.follow)

    def _found(self, look: ViewState, to: str) -> queries.PatchOf | None:
        at = self.at
        assert at.model and at.task and at.step is not None
        return queries.patch(look.db, at.model, at.step, at.task, to)

    def heading(self, look: ViewState) -> str:
        return f"Path patching · {head_name(self.head)} · {plain(self.at.model)} step {self.at.step}"

    def views(self, at: Selection) -> dict[str, dict[str, Any]]:
        return {"patch": {"model": self.at.model, "step": self.at.step, "task": self.at.task}}

    def write(self, look: ViewState) -> Text:
        page = Text(f"{plain(self.at.task)}, MLPs recomputed; effect −1 is as bad as corrupted, 0 none\n\n", "dim")
        if not self.head[0]:
            page.append(wrapped(f"No head precedes {head_name(self.head)}: its q, k and v have no senders.", 0) + "\n")
        if self.refusal:
            page.append(wrapped(f"Nothing can be computed here: {plain(self.refusal)}", 0) + "\n")
        sets = {to: self._found(look, to) for to in receivers(self.head)}
        largest = max((_largest(found) for found in sets.values() if found), default=0.0)
        if largest:
            page.append(f"Bars: all on one scale, full at ±{largest:.{digits_for(largest)}f}\n\n", "dim")
        return page.append_text(Text("\n").join(self._set(look, to, found, largest) for to, found in sets.items()))

    def _set(self, look: ViewState, to: str, found: queries.PatchOf | None, largest: float) -> Text:
        """`largest`: the |effect| of a full bar."""
        if found is None:
            return self.topic(f"to {to}").append(wrapped(self._waiting(look, to)))
        clean, corrupted = (signed(found.header[f"metric_{of}"], 2) for of in ("clean", "corrupted"))
        lines = self.topic(f"to {to}", f"metric {clean} clean, {corrupted} corrupted")
        if found.header["reason"]:
            lines.append(wrapped(f"undefined: {plain(found.header['reason'])}"), self.colours.muted)
        for row in found.senders[:STRONGEST]:
            lines.append_text(self._sender(row, digits_for(_largest(found)), largest))
        return lines

    def _sender(self, row: dict[str, Any], digits: int, largest: float) -> Text:
        effect = finite(row["effect"])
        line = Text(f"  {row['sender']:<9}{signed(effect, digits):>11} ")
        share = abs(effect) / largest if effect and largest else 0
        line.append(bar(share, _BAR), self.colours.helps if (effect or 0) > 0 else self.colours.hurts)
        return line.append(f" metric {signed(row['metric'], 2)}\n", self.colours.muted)

    def _waiting(self, look: ViewState, to: str) -> str:
        """Why there is nothing yet."""
        if self.refusal:
            return "not computed"
        run = self.runs.get(to)
        if run is not None and (failed := runs.failures(look.db, run)):
            return f"failed: {plain(failed[0][2])}"
        if run is not None and self.main.stopped:
            return "The runner stopped: close this page and press P, and it goes on."
        return "computing…"
