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
from circuit_store.errors import StoreError
from circuit_tui.explorer import theme
from circuit_tui.explorer.screens.pane_access import Panes
from circuit_tui.explorer.widgets.notation import plain

_PAUSE = 0.4
"""Seconds after the last key before costs are looked up."""
FIELDS = {
    "models": ("", "models of the store, the sample suite's, or folders of checkpoints; separated by spaces"),
    "checkpoints": ("all", "all, log, sparse, linear, final, or steps such as 0,512,final"),
    "tasks": ("ioi", "ioi, gendered_pronoun, greater_than, subject_verb, or files of pairs; separated by commas"),
    "analyses": ("behaviour,circuit,heads", "behaviour, circuit, heads, algorithm, or all; separated by commas"),
    "method": ("eap-ig", "eap-ig, eap, clean-corrupted, eap-ig-activations or exact"),
    "search": ("grid", "grid, paper or code: how circuit sizes are searched"),
    "device": ("auto", "auto, cpu, cuda, or GPUs as in cuda:0,cuda:1"),
    "workers": ("1", "processes on the CPU, which share its cores"),
    "more": ("", "other options of `run`, such as --held-out 50 --dtype bfloat16"),
}
"""Usual value, and what is possible."""
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
            for name, (usual, _) in FIELDS.items():
                with Horizontal():
                    yield Label(name)
                    yield self._entry(name, usual)
            yield Static(id="hint")
            yield Static(id="command", markup=False)
            yield Static(id="cost")

    def _entry(self, name: str, usual: str) -> Input:
        first = shlex.quote(self.model) if name == "models" and self.model else usual
        entry = Input(first, id=name, select_on_focus=False, suggester=_suggested(name))
        entry.cursor_blink = False
        return entry

    @property
    def command(self) -> str:
        """What is asked for, as typed into a shell."""
        held = {name: self.query_one(f"#{name}", Input).value.strip() for name in FIELDS}
        words = [held["models"]]
        for name, (usual, _) in FIELDS.items():
            if name not in ("models", "more") and held[name] != usual:
                words.append(f"--{name} {shlex.quote(held[name])}")
        return " ".join(word for word in (*words, held["more"]) if word)

    @on(Input.Changed)
    def _changed(self) -> None:
        self.query_one("#command", Static).update(Text(f"{self.main.program} run {plain(self.command)}", "bold"))
        self.query_one("#cost", Static).update(Text("…"))
        if self._timer:
            self._timer.stop()
        self._timer = self.set_timer(_PAUSE, self._look)

    def on_descendant_focus(self) -> None:
        if isinstance(self.focused, Input) and self.focused.id in FIELDS:
            self.query_one("#hint", Static).update(Text(FIELDS[self.focused.id][1]))

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


def _suggested(name: str) -> SuggestFromList | None:
    """Completed with the arrow to the right."""
    from circuit_core.models import suites
    from circuit_core.tasks.specs import TASKS
    from circuit_sweep.planning.request import ANALYSES

    known = {
        "models": list(suites.known_models()),
        "checkpoints": list(suites.SCHEDULES),
        "tasks": list(TASKS),
        "analyses": [*ANALYSES, "all"],
    }
    return SuggestFromList(known[name]) if name in known else None
