"""The queue as it is shown: runs, and the units of the chosen one.

Looked at once a second, in a thread; of what is seen only the cells that changed are written to the terminal.
"""

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import Screen

from circuit_store.queue.states import UNITS_UNDER_WAY
from circuit_tui.explorer import queue_snapshot, theme
from circuit_tui.explorer.screens.follower import Panes
from circuit_tui.explorer.widgets.key_line import KeyLine
from circuit_tui.explorer.widgets.live_text import ChangedLines, Note
from circuit_tui.explorer.widgets.notation import plain
from circuit_tui.explorer.widgets.queue_lines import QueueLines
from circuit_tui.runs import options

POLL = 1.0
"""Seconds between two looks at the queue."""
EMPTY = "No run yet: ctrl+r asks for one here, `circuit-tui run MODEL --detach` does from a shell."


class QueueScreen(Screen[None], inherit_bindings=False):
    """`queue` is what was seen last."""

    HORIZONTAL_BREAKPOINTS = [(0, "-cramped"), (60, "-narrow"), (100, "-normal")]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (15, "-low"), (24, "-tall")]
    DEFAULT_CSS = """
    QueueScreen Vertical { border-top: solid $rule; border-title-color: $secondary; }
    QueueScreen Vertical:focus-within { border-title-color: $accent; border-title-style: bold; }
    QueueScreen #runs { height: 1fr; }
    QueueScreen #units { height: 2fr; }
    QueueScreen #detail { max-height: 3; }
    """

    class Looked(Message):
        def __init__(self, queue: queue_snapshot.QueueSnapshot):
            super().__init__()
            self.queue = queue

    def __init__(self, main: Panes):
        super().__init__()
        self.main, self.queue = main, queue_snapshot.QueueSnapshot()
        self.wanted: int | None = None
        """The run that is looked at; None for the newest."""
        self.paused = self.looking = False

    def compose(self) -> ComposeResult:
        yield Note(id="where")
        yield Note(id="gpus")
        with Vertical(id="runs"):
            yield Note(id="runs-columns")
            yield ChangedLines(lambda row, width: QueueLines(width, self.colours).run(row), self._choose)
        with Vertical(id="units"):
            yield Note(id="units-columns")
            yield ChangedLines(lambda row, width: QueueLines(width, self.colours).unit(row), self._say)
        yield Note(id="detail")
        yield KeyLine()

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, lambda _: self._recolour())
        self.runs.focus()
        self.look()
        self.set_interval(POLL, self._tick)

    @property
    def runs(self) -> ChangedLines:
        return self.query_one("#runs", Vertical).query_one(ChangedLines)

    @property
    def units(self) -> ChangedLines:
        return self.query_one("#units", Vertical).query_one(ChangedLines)

    @property
    def colours(self) -> theme.Palette:
        return theme.palette(self.app.current_theme.dark)

    def _recolour(self) -> None:
        self.runs.refresh()
        self.units.refresh()
        self.show()

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
            found = queue_snapshot.look(self.main.store, self.wanted)
        except BaseException:
            self.looking = False
            raise
        self.post_message(self.Looked(found))

    def on_queue_screen_looked(self, message: Looked) -> None:
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
        begun = next((i for i, row in enumerate(queue.units) if row["state"] in UNITS_UNDER_WAY), None)
        self.units.update(queue.units, (begun or 0) if turned else self.units.cursor)
        if begun is not None:
            self.units.lead(begun)
        self._say()

    def _say(self) -> None:
        """The lines around the lists."""
        queue, lines = self.queue, QueueLines(self.size.width - 2, self.colours)
        runner = queue.runner or ("no runner: R goes on" if any(row["open"] for row in queue.runs) else "no runner")
        where = Text(f"jobs   {plain(runner)}", no_wrap=True, overflow="ellipsis")
        where.append("   paused, p goes on" if self.paused else "", "bold").append(f"   store {plain(self.main.store)}")
        self._note("where", where)
        self._note("gpus", Text("\n".join(gpu.line(i) for i, gpu in enumerate(queue.gpus))))
        self._note("runs-columns", Text(lines.runs_header() if queue.runs else "", no_wrap=True))
        self._note("units-columns", Text(lines.units_header() if queue.units else "", no_wrap=True))
        self._note("detail", Text(self._detail()))
        self._title("runs", f"Runs · {len(queue.runs)}")
        self._title("units", self._of_run(queue.row))

    def _note(self, name: str, text: Text) -> None:
        self.query_one(f"#{name}", Note).say(text)

    def _title(self, part: str, text: str) -> None:
        box, title = self.query_one(f"#{part}", Vertical), Content(text)
        if title != box.border_title:
            box.border_title = title

    def _of_run(self, row: queue_snapshot.Row | None) -> str:
        if row is None:
            return "Units"
        return f"Units of run {row['run']} · {row['units']} · {row['done']} done, {row['failed']} failed"

    def _detail(self) -> str:
        """More on the line under the cursor of the list that has the focus."""
        unit = self.units.row
        if self.units.has_focus and unit:
            return plain(unit["error"] or "")
        row = self.queue.row
        if not row:
            return ""
        return plain(f"{row['reason'] + ' · ' if row['reason'] else ''}{options.command(row, self.main.program)}")

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
