"""Path patching into a head that a person asked for: what was queued for it, and why there is nothing to show yet."""

import sqlite3
from collections.abc import Callable
from functools import partial

from textual.app import App

from circuit_core.errors import CircuitError
from circuit_store.errors import StoreError
from circuit_tui.explorer.screens.follower import Panes
from circuit_tui.explorer.state import Selection
from circuit_tui.explorer.widgets.notation import plain

POLL = 0.5
"""Seconds between two looks at whether somebody still computes."""


class PatchRequest:
    """`again`: how it is asked for once more."""

    def __init__(self, main: Panes, at: Selection, again: str):
        self.main, self.at, self.again = main, at, again
        self.runs: dict[str, int] = {}
        """Receivers -> the run that computes them."""
        self.refusal = ""

    def ask(self, app: App[object], missing: list[str], told: Callable[[], None]) -> None:
        """Queue what is missing, in a thread; `told` is called when that is done."""
        app.run_worker(partial(self._ask, app, missing, told), thread=True, exit_on_error=False)

    def _ask(self, app: App[object], missing: list[str], told: Callable[[], None]) -> None:
        from circuit_tui.runs import sweeps

        at = self.at
        assert at.model and at.task and at.step is not None
        try:
            self.runs = sweeps.begin_patch(self.main.store, at.model, at.step, at.task, missing)
        except (CircuitError, StoreError, ValueError, sqlite3.Error) as error:
            self.refusal = str(error)
        app.call_from_thread(told)

    def waiting(self, to: str, failed: str | None) -> str:
        """Why there is nothing yet; `failed`: why the run that was to compute it did not."""
        if self.refusal:
            return "not computed"
        if failed is not None:
            return f"failed: {plain(failed)}"
        if to in self.runs and self.main.stopped:
            return f"The runner stopped: {self.again}, and it goes on."
        return "computing…"
