"""The end of a run's log, and what is written to it while one looks on. Text only."""

from functools import reduce
from pathlib import Path

from rich.text import Text
from textual.containers import VerticalScroll
from textual.message import Message
from textual.widgets import Static

from circuit_tui.explorer.screens.text import TextScreen

_POLL = 1.0
"""Seconds between two looks at the file."""


class Log(TextScreen):
    """Follows the file as long as its end is in view."""

    BINDINGS = [("L", "dismiss", "Close")]

    class Read(Message):
        def __init__(self, text: str):
            super().__init__()
            self.text = text

    def __init__(self, store: Path, run: int, log: str | None):
        super().__init__(f"Log of run {run}", Text("reading…"))
        self.store, self.run, self.log_file = store, run, log

    def on_mount(self) -> None:
        self._look()
        self.set_interval(_POLL, self._look)

    def _look(self) -> None:
        self.app.run_worker(self._read, thread=True, group="log", exclusive=True, exit_on_error=False)

    def _read(self) -> None:
        from circuit_tui.runs import jobs

        try:
            file, lines = jobs.tail(self.store, self.run, self.log_file)
        except ValueError as error:
            lines, file = [str(error)], ""
        marks = (f" {self.store.absolute()} run {self.run}:", f" {self.store} run {self.run}:")
        short = [reduce(lambda text, mark: text.replace(mark, " "), marks, line) for line in lines]
        self.post_message(self.Read("\n".join(short) or f"Nothing is written about run {self.run} in {file} yet."))

    def on_log_read(self, message: Read) -> None:
        if message.text == self._text.plain:
            return
        page = self.query_one(VerticalScroll)
        at_end = page.scroll_offset.y >= page.max_scroll_y
        self._text = Text(message.text)
        self.query_one(Static).update(self._text)
        if at_end:
            page.scroll_end(animate=False)
