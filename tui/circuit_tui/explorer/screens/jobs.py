"""The queue's keys: what a person does to runs and units."""

import sqlite3
from collections.abc import Callable
from functools import partial

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from circuit_core.errors import CircuitError
from circuit_store.errors import StoreError
from circuit_store.queue.states import RunState
from circuit_tui.explorer import bindings, queue_snapshot
from circuit_tui.explorer.screens.log import Log
from circuit_tui.explorer.screens.queue import EMPTY, QueueScreen

_SHARED = ("palette", "theme", "error", "suspend", "reload")


class Confirm(ModalScreen[bool]):
    """A question before something is ended: `y` does it and gives True, everything else leaves it."""

    BINDINGS = [("y", "dismiss(True)", "Yes"), ("n,escape,q,backspace,enter", "dismiss(False)", "No")]
    DEFAULT_CSS = """
    Confirm { align: center middle; }
    Confirm > Vertical {
        width: 90%; max-width: 72; height: auto; background: $panel; padding: 1 2;
        border-top: solid $warning; border-title-color: $warning;
    }
    """

    def __init__(self, title: str, question: str):
        super().__init__()
        self.question, self._title = question, title

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = self._title
            yield Static(Text(f"{self.question}\n\ny yes   n no"))


class Jobs(QueueScreen):
    NAME = "jobs"
    BINDINGS = [
        *bindings.of("screen.jobs"),
        *bindings.named("run", "help", shown=True),
        *bindings.named(*_SHARED, *bindings.SCREEN_KEYS),
        ("escape,backspace", "dismiss", "Back"),
        *bindings.named("quit"),
    ]

    def action_other(self) -> None:
        (self.runs if self.units.has_focus else self.units).focus()

    def action_move(self, where: str) -> None:
        (self.units if self.units.has_focus else self.runs).move(where)

    def action_open(self) -> None:
        """From a run to its units, from a unit to its checkpoint."""
        if not self.units.has_focus:
            self.units.focus()
        elif unit := self.units.row:
            self.main.choose(model=unit["model"], step=unit["step"])
            self.dismiss()

    def action_pause(self) -> None:
        self.paused = not self.paused
        self._say()
        self._tick()

    def action_log(self) -> None:
        if row := self._row():
            self.app.push_screen(Log(self.main.store, row["run"], row["log"]))

    def action_cancel(self) -> None:
        if not (row := self._row()):
            return
        if not row["open"] and row["state"] != RunState.INTERRUPTED:
            return self.main.say(f"Run {row['run']} is {row['state']}: nothing is left to cancel.")
        left = row["units"] - row["done"] - row["failed"]
        question = f"{left} of {row['units']} units are left. Results that are there stay; R takes it up again."
        self.app.push_screen(Confirm(f"Cancel run {row['run']}?", question), partial(self._cancel, row["run"]))

    def _cancel(self, run: int, sure: bool | None) -> None:
        if sure:
            self._do(partial(self._drop, run))

    def _drop(self, run: int) -> str:
        from circuit_tui.runs import jobs

        jobs.drop(self.main.store, run)
        return f"Run {run} is cancelled; what it has computed stays."

    def action_retry(self) -> None:
        if row := self._row():
            self._do(partial(self._again, row["run"]))

    def _again(self, run: int) -> str:
        from circuit_tui.runs import jobs

        _, units = jobs.go_on(self.main.store, run, failed=True)
        return f"Run {run}: {units} units are to be computed." if units else f"Run {run}: nothing is left to compute."

    def _row(self) -> queue_snapshot.Row | None:
        if self.queue.row is None:
            self.main.say(EMPTY)
        return self.queue.row

    def _do(self, act: Callable[[], str]) -> None:
        """Write to the queue, in a thread, and say what came of it, also where the page is closed by then."""
        app = self.app

        def acted() -> None:
            try:
                said, fault = act(), False
            except (CircuitError, StoreError, ValueError, sqlite3.Error, OSError) as error:
                said, fault = str(error), True
            app.call_from_thread(app.notify, said, severity="error" if fault else "information", markup=False)
            if self.is_attached:
                app.call_from_thread(self.look)

        app.run_worker(acted, thread=True, exit_on_error=False)
