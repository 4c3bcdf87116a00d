"""Which heads act on the chosen head's queries, keys and values, and which on the logits, by path patching.

What the store does not hold yet is asked for when the page opens, and computed by the ordinary runner, in the
background; the page may be closed. It stays with the head and the checkpoint for which it was opened.
"""

import sqlite3
from collections.abc import Callable
from functools import partial
from sqlite3 import Connection
from typing import Any

from rich.text import Text
from textual.app import App

from circuit_core.errors import CircuitError
from circuit_store import queries
from circuit_store.errors import StoreError
from circuit_store.queue import runs
from circuit_tui.explorer.screens.follower import Panes
from circuit_tui.explorer.screens.page import Page, wrapped
from circuit_tui.explorer.state import Head, Selection
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

    def _answered(self, at: Selection, found: "_Found") -> None:
        if self._found is None and (missing := [to for to, patch in found[0].items() if patch is None]):
            self.set_interval(_POLL, self.draw)
            self.app.run_worker(partial(self._ask, self.app, missing), thread=True, exit_on_error=False)
        super()._answered(at, found)

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

    def needs(self, at: Selection) -> tuple[Any, ...]:
        return tuple(self.runs.items())

    def read(self, at: Selection) -> Callable[[Connection], Any]:
        return partial(_read, at=self.at, sets=receivers(self.head), computing=dict(self.runs))

    def heading(self, at: Selection) -> str:
        return f"Path patching · {head_name(self.head)} · {plain(self.at.model)} step {self.at.step}"

    def views(self, at: Selection) -> dict[str, dict[str, Any]]:
        return {"patch": {"model": self.at.model, "step": self.at.step, "task": self.at.task}}

    def write(self, at: Selection, found: "_Found") -> Text:
        sets, failed = found
        page = Text(f"{plain(self.at.task)}, MLPs recomputed; effect −1 is as bad as corrupted, 0 none\n\n", "dim")
        if not self.head[0]:
            page.append(wrapped(f"No head precedes {head_name(self.head)}: its q, k and v have no senders.", 0) + "\n")
        if self.refusal:
            page.append(wrapped(f"Nothing can be computed here: {plain(self.refusal)}", 0) + "\n")
        largest = max((_largest(patch) for patch in sets.values() if patch), default=0.0)
        if largest:
            page.append(f"Bars: all on one scale, full at ±{largest:.{digits_for(largest)}f}\n\n", "dim")
        parts = [self._set(to, patch, largest, failed.get(to)) for to, patch in sets.items()]
        return page.append_text(Text("\n").join(parts))

    def _set(self, to: str, found: queries.PatchOf | None, largest: float, failed: str | None) -> Text:
        """`largest`: the |effect| of a full bar."""
        if found is None:
            return self.topic(f"to {to}").append(wrapped(self._waiting(to, failed)))
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

    def _waiting(self, to: str, failed: str | None) -> str:
        """Why there is nothing yet; `failed`: why the run that was to compute it did not."""
        if self.refusal:
            return "not computed"
        if failed is not None:
            return f"failed: {plain(failed)}"
        if to in self.runs and self.main.stopped:
            return "The runner stopped: close this page and press P, and it goes on."
        return "computing…"


_Found = tuple[dict[str, queries.PatchOf | None], dict[str, str]]


@queries.one_state
def _read(db: Connection, at: Selection, sets: list[str], computing: dict[str, int]) -> _Found:
    """Receivers -> what is stored of them, and -> why the run that was to compute them failed."""
    assert at.model and at.task and at.step is not None
    found = {to: queries.patch(db, at.model, at.step, at.task, to) for to in sets}
    failed = {to: runs.failures(db, run) for to, run in computing.items()}
    return found, {to: units[0][2] for to, units in failed.items() if units}
