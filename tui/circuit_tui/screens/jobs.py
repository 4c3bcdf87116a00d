"""The queue: runs, the units of the chosen one, and what a person does to them.

Looked at once a second, in a thread; of what is seen only the cells that changed are written to the terminal.
"""

import sqlite3
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, cast

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Footer

from circuit_core.errors import CircuitError
from circuit_store.errors import StoreError
from circuit_tui import bindings, options, theme, watching
from circuit_tui.screens.confirm import Confirm
from circuit_tui.screens.log import Log
from circuit_tui.widgets import queue_lines
from circuit_tui.widgets.notation import plain
from circuit_tui.widgets.note import Note
from circuit_tui.widgets.rows import Rows

if TYPE_CHECKING:
    from circuit_tui.screens.keys import KeyedScreen

POLL = 1.0
"""Seconds between two looks at the queue."""
EMPTY = "No run yet: ctrl+r asks for one here, `circuit-tui run MODEL --detach` does from a shell."
_SHARED = ("palette", "theme", "error", "suspend", "reload")
_UNDER_WAY = ("loading", "running")


class Jobs(Screen[None], inherit_bindings=False):
    """`queue` is what was seen last."""

    BINDINGS = [
        *bindings.of("jobs"),
        *bindings.named("run", "help", shown=True),
        *bindings.named(*_SHARED),
        ("escape,q,backspace,7", "dismiss", "Back"),
    ]
    HORIZONTAL_BREAKPOINTS = [(0, "-cramped"), (60, "-narrow"), (100, "-normal")]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (15, "-low"), (24, "-tall")]
    DEFAULT_CSS = """
    Jobs Vertical { border-top: solid $rule; border-title-color: $secondary; }
    Jobs Vertical:focus-within { border-title-color: $accent; border-title-style: bold; }
    Jobs #runs { height: 1fr; }
    Jobs #units { height: 2fr; }
    Jobs #detail { max-height: 3; }
    """

    class Looked(Message):
        def __init__(self, queue: watching.Queue):
            super().__init__()
            self.queue = queue

    def __init__(self, main: "KeyedScreen"):
        super().__init__()
        self.main, self.queue = main, watching.Queue()
        self.wanted: int | None = None
        """The run that is looked at; None for the newest."""
        self.paused = self.looking = False

    def compose(self) -> ComposeResult:
        yield Note(id="where")
        yield Note(id="gpus")
        with Vertical(id="runs"):
            yield Note(id="runs-columns")
            yield Rows(lambda row, width: queue_lines.run_line(row, width, self.colours), self._choose)
        with Vertical(id="units"):
            yield Note(id="units-columns")
            yield Rows(lambda row, width: queue_lines.unit_line(row, width, self.colours), self._say)
        yield Note(id="detail")
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        self.runs.focus()
        self.look()
        self.set_interval(POLL, self._tick)

    @property
    def runs(self) -> Rows:
        return self.query_one("#runs", Vertical).query_one(Rows)

    @property
    def units(self) -> Rows:
        return self.query_one("#units", Vertical).query_one(Rows)

    @property
    def colours(self) -> theme.Palette:
        return theme.palette(self.app.current_theme.dark)

    def _tick(self) -> None:
        if not self.paused:
            self.look()

    def look(self) -> None:
        """Read the queue, unless that is under way."""
        if not self.looking:
            self.looking = True
            self.app.run_worker(self._read, thread=True, exit_on_error=False)

    def _read(self) -> None:
        try:
            found = watching.look(self.main.store, self.wanted)
        except BaseException:
            self.looking = False
            raise
        self.post_message(self.Looked(found))

    def on_jobs_looked(self, message: Looked) -> None:
        self.looking = False
        late = message.queue.run != self.wanted and self.wanted in (row["run"] for row in message.queue.runs)
        if late:
            return self.look()
        turned = message.queue.run != self.queue.run
        self.queue = message.queue
        self.show(turned)

    def show(self, turned: bool = False) -> None:
        """Show what was seen last; `turned`: the units are those of another run than before."""
        queue = self.queue
        at = next((i for i, row in enumerate(queue.runs) if row["run"] == queue.run), 0)
        self.runs.update(queue.runs, at, queue.fault or EMPTY)
        if turned:
            self.units.led, self.units.rows = True, ()
        begun = next((i for i, row in enumerate(queue.units) if row["state"] in _UNDER_WAY), None)
        self.units.update(queue.units, (begun or 0) if turned else self.units.cursor)
        if begun is not None:
            self.units.lead(begun)
        self._say()

    def _say(self) -> None:
        """The lines around the lists."""
        queue, width = self.queue, self.size.width - 2
        runner = queue.runner or ("no runner: R goes on" if any(row["open"] for row in queue.runs) else "no runner")
        where = Text(f"jobs   {plain(runner)}", no_wrap=True, overflow="ellipsis")
        where.append("   paused, P goes on" if self.paused else "", "bold").append(f"   store {plain(self.main.store)}")
        self._note("where", where)
        self._note("gpus", Text("\n".join(queue_lines.gpu_line(gpu, i) for i, gpu in enumerate(queue.gpus))))
        self._note("runs-columns", Text(queue_lines.runs_header(width) if queue.runs else "", no_wrap=True))
        self._note("units-columns", Text(queue_lines.units_header(width) if queue.units else "", no_wrap=True))
        self._note("detail", Text(self._detail()))
        self._title("runs", f"Runs · {len(queue.runs)}")
        self._title("units", self._of_run(queue.row))

    def _note(self, name: str, text: Text) -> None:
        self.query_one(f"#{name}", Note).say(text)

    def _title(self, part: str, text: str) -> None:
        box, title = self.query_one(f"#{part}", Vertical), Content(text)
        if title != box.border_title:
            box.border_title = title

    def _of_run(self, row: watching.Row | None) -> str:
        if row is None:
            return "Units"
        return f"Units of run {row['run']} · {row['units']} · {row['done']} done, {row['failed']} failed"

    def _detail(self) -> str:
        """More on the line under the cursor of the list that has the focus."""
        unit = self.units.row
        if self.units.has_focus and unit:
            return plain(unit["error"] or "")
        row = self.queue.row
        return (
            plain(f"{row['reason'] + ' · ' if row['reason'] else ''}{options.command(row, self.main.program)}")
            if row
            else ""
        )

    def on_resize(self) -> None:
        self.call_after_refresh(self._say)

    def on_descendant_focus(self) -> None:
        self._say()

    def _choose(self) -> None:
        """The cursor went to another run."""
        row = self.runs.row
        if row and row["run"] != self.queue.run:
            self.wanted = row["run"]
            self.look()

    # What the keys do

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
        if not row["open"] and row["state"] != "interrupted":
            return self.main.say(f"Run {row['run']} is {row['state']}: nothing is left to cancel.")
        left = row["units"] - row["done"] - row["failed"]
        question = f"{left} of {row['units']} units are left. Results that are there stay; R takes it up again."
        self.app.push_screen(Confirm(f"Cancel run {row['run']}?", question), partial(self._cancel, row["run"]))

    def _cancel(self, run: int, sure: bool | None) -> None:
        if sure:
            self._do(partial(self._drop, run))

    def _drop(self, run: int) -> str:
        from circuit_tui import jobs

        jobs.drop(self.main.store, run)
        return f"Run {run} is cancelled; what it has computed stays."

    def action_retry(self) -> None:
        if row := self._row():
            self._do(partial(self._again, row["run"]))

    def _again(self, run: int) -> str:
        from circuit_tui import jobs

        _, units = jobs.go_on(self.main.store, run, failed=True)
        return f"Run {run}: {units} units are to be computed." if units else f"Run {run}: nothing is left to compute."

    def _row(self) -> watching.Row | None:
        if self.queue.row is None:
            self.main.say(EMPTY)
        return self.queue.row

    def _do(self, act: Callable[[], str]) -> None:
        """Write to the queue, in a thread, and say what came of it."""

        def acted() -> None:
            try:
                said, fault = act(), False
            except (CircuitError, StoreError, ValueError, sqlite3.Error, OSError) as error:
                said, fault = str(error), True
            self.app.call_from_thread(self.app.notify, said, severity="error" if fault else "information", markup=False)
            self.app.call_from_thread(self.look)

        self.app.run_worker(acted, thread=True, exit_on_error=False)

    # Keys that mean the same everywhere

    def action_help(self) -> None:
        self.main.action_help()

    def action_run(self) -> None:
        self.main.action_run()

    def action_error(self) -> None:
        self.main.action_error()

    def action_theme(self) -> None:
        self.main.action_theme()
        self.runs.refresh()
        self.units.refresh()
        self.show()


def over(main: "KeyedScreen") -> Jobs | None:
    """The page, if it is open over the panes."""
    return cast("Jobs | None", next((screen for screen in main.app.screen_stack if isinstance(screen, Jobs)), None))
