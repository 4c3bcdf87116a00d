"""Ask for a run: the words of `run` in fields, and what it would cost before it starts.

The fields make a command, which is shown: the same one typed into a shell does the same, and is refused with the same
sentence. Costs are looked up in a thread a moment after the last key; nothing is written before Start.
"""

import shlex
import sqlite3

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.screen import ModalScreen
from textual.suggester import SuggestFromList
from textual.timer import Timer
from textual.widgets import Input, Label, Static

from circuit_core.errors import CircuitError
from circuit_core.models import suites
from circuit_store.errors import StoreError
from circuit_tui.explorer import theme
from circuit_tui.explorer.screens.follower import Panes
from circuit_tui.explorer.widgets.notation import plain
from circuit_tui.runs import options

_PAUSE = 0.4
"""Seconds after the last key before costs are looked up."""
OPTIONS = {of.label: of for of in options.OPTIONS if of.hint is not None}
"""Those with a field of their own; the others go into the field `more`."""
HINTS = {
    "models": "models of the store, the sample suite's, or folders of checkpoints; separated by spaces",
    **{label: of.possible for label, of in OPTIONS.items()},
    "more": "other options of `run`, such as --held-out 50 --dtype bfloat16",
}
"""What is possible in each field."""
_EXPECTED = (CircuitError, StoreError, ValueError, OverflowError, sqlite3.Error, OSError)


class RunDialog(ModalScreen[str]):
    """Ends with what to tell the user once a run is queued."""

    BINDINGS = [
        ("escape", "dismiss", "Close"),
        ("ctrl+r", "start", "Start"),
        ("down", "app.focus_next", "Next"),
        ("up", "app.focus_previous", "Previous"),
    ]
    DEFAULT_CSS = """
    RunDialog { align: center middle; }
    RunDialog > Vertical {
        width: 90%; max-width: 96; height: auto; background: $panel; padding: 0 2;
        border-top: solid $accent; border-title-color: $accent;
    }
    RunDialog Horizontal { height: 1; }
    RunDialog Label { width: 14; color: $secondary; }
    RunDialog Input, RunDialog Input:focus { border: none; padding: 0; height: 1; width: 1fr; background: $panel; }
    RunDialog Input:focus { background: $primary 20%; }
    RunDialog #hint { color: $secondary; height: 2; }
    RunDialog #command { margin: 0 0 1 0; max-height: 3; }
    RunDialog #cost { height: auto; min-height: 5; max-height: 7; }
    """

    class Known(Message):
        """What a command would cost, or why it cannot be: from a thread, and the dialog may be closed by then."""

        def __init__(self, command: str, said: str, refused: bool = False):
            super().__init__()
            self.command, self.said, self.refused = command, said, refused

    class Begun(Message):
        def __init__(self, told: str):
            super().__init__()
            self.told = told

    def __init__(self, main: Panes):
        super().__init__()
        self.main = main
        self.model = (main.look.at.model if main.look else None) or ""
        self.starting = False
        self._timer: Timer | None = None

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = "Run   ^r starts, esc closes"
            for name in HINTS:
                with Horizontal():
                    yield Label(name)
                    yield self._entry(name)
            yield Static(id="hint")
            yield Static(id="command", markup=False)
            yield Static(id="cost")

    def _entry(self, name: str) -> Input:
        """Completed with the arrow to the right."""
        first, completions = "", ()
        if of := OPTIONS.get(name):
            first, completions = of.usual, of.completions
        elif name == "models":
            first, completions = self.model and shlex.quote(self.model), tuple(suites.known_models())
        suggester = SuggestFromList(completions) if completions else None
        entry = Input(first, id=name, select_on_focus=False, suggester=suggester)
        entry.cursor_blink = False
        return entry

    @property
    def command(self) -> str:
        """What is asked for, as typed into a shell."""
        held = {name: self.query_one(f"#{name}", Input).value.strip() for name in HINTS}
        given = ((of.flag, held[name]) for name, of in OPTIONS.items() if held[name] != of.usual)
        words = (f"{flag} {shlex.quote(value)}" for flag, value in given)
        return " ".join(word for word in (held["models"], *words, held["more"]) if word)

    @on(Input.Changed)
    def _changed(self) -> None:
        self.query_one("#command", Static).update(Text(f"{self.main.program} run {plain(self.command)}", "bold"))
        self.query_one("#cost", Static).update(Text("…"))
        if self._timer:
            self._timer.stop()
        self._timer = self.set_timer(_PAUSE, self._look)

    def on_descendant_focus(self) -> None:
        if isinstance(self.focused, Input) and self.focused.id in HINTS:
            self.query_one("#hint", Static).update(Text(HINTS[self.focused.id]))

    @on(Input.Submitted)
    def _next(self) -> None:
        self.app.action_focus_next()

    def _look(self) -> None:
        command = self.command
        self.app.run_worker(lambda: self._cost(command), thread=True, group="cost", exit_on_error=False)

    def _cost(self, command: str) -> None:
        from circuit_tui.runs import cost_report, run_request

        try:
            found = cost_report.cost(self.main.store, run_request.parsed(run_request.split(command)))
            known = self.Known(command, "\n".join(cost_report.sentences(found)))
        except _EXPECTED as error:
            known = self.Known(command, plain(error), refused=True)
        self.post_message(known)

    def on_run_dialog_known(self, message: Known) -> None:
        """An answer to what was asked before the last key is dropped."""
        if message.command == self.command:
            colour = theme.palette(self.app.current_theme.dark).hurts if message.refused else ""
            self.query_one("#cost", Static).update(Text(message.said, colour))

    def on_run_dialog_begun(self, message: Begun) -> None:
        self.dismiss(message.told)

    def action_start(self) -> None:
        if not self.starting:
            self.starting = True
            command = self.command
            self.query_one("#cost", Static).update(Text("starting…"))
            self.app.run_worker(lambda: self._start(command), thread=True, group="start", exit_on_error=False)

    def _start(self, command: str) -> None:
        from circuit_tui.runs import run_request, sweeps

        try:
            self.post_message(self.Begun(sweeps.begin(self.main.store, run_request.parsed(run_request.split(command)))))
        except _EXPECTED as error:
            self.post_message(self.Known(command, plain(error), refused=True))
        finally:
            self.starting = False
