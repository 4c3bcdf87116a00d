"""The explorer: opens at once, reads a store, and shows it as it grows. It computes nothing.

The store may not be there yet: `begin` is called once the first frame stands, in a thread, and makes it. Twice a second
the store is asked whether another has written, and whether its runner lives; what was written is shown at once after a
quiet time, else after a rest. However the explorer ends, the terminal is as it was before.
"""

import gc
import sqlite3
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import partial
from math import inf
from pathlib import Path

from rich.text import Text
from textual import on, work
from textual.worker import Worker, WorkerState

from circuit_store import private_files, queries
from circuit_store.connection import Connection
from circuit_store.display_text import lines
from circuit_store.errors import StoreError
from circuit_tui.explorer import state, theme
from circuit_tui.explorer.pages import PagedApp
from circuit_tui.explorer.reading import Reader
from circuit_tui.explorer.screens.navigation import NavigationScreen
from circuit_tui.explorer.state import Selection
from circuit_tui.explorer.widgets.status import Status

_POLL = 0.5
"""Seconds between two looks at whether the store has changed."""
_REST = 3.0
"""Seconds at least between two changes that are shown: a run that is watched over SSH costs little."""


_AT_HOME = 2.0
"""Seconds after which what is in memory is there to stay: Python need not look through it for garbage at every tenth
key, which then takes three times as long as others."""


class Explorer(PagedApp):
    """`begin` brings a store into being and returns what to tell the user.

    With `at` that is looked at, and nothing is remembered of other sessions or for them.
    """

    TITLE = "circuit-tui"
    CSS_PATH = Path(__file__).with_name("explorer.tcss")

    def __init__(self, store: Path, begin: Callable[[], str] | None = None, at: Selection | None = None):
        super().__init__()
        self.animation_level = "none"
        self.store, self._begin = store, begin
        self.reader = Reader(store, partial(self.call_later, self._answered), self.unreadable)
        self.version: tuple[int, int] = (0, -1)
        """How often the store was opened, and of what is shown the number that changes with every write."""
        self._shown = -inf
        self._remembers = at is None
        wish, held = state.recall(store) if at is None else (at, {})
        for own in (theme.DARK, theme.LIGHT):
            self.register_theme(own)
        wanted = held.get("theme")
        self.theme = wanted if isinstance(wanted, str) and wanted in self.available_themes else theme.DARK.name
        self.main = NavigationScreen(store, self.reader, wish, str(held.get("pane")))
        self.main.set_class(held.get("zoomed") is True, "-zoomed")

    def on_mount(self) -> None:
        self.catch_signals()
        self.call_after_refresh(self._start)

    def _start(self) -> None:
        self.poll()
        self.set_interval(_POLL, self._look_on)
        self.set_timer(_AT_HOME, gc.freeze)
        if self._begin:
            self._run_begin(self._begin)

    @work(thread=True, exit_on_error=False)
    def _run_begin(self, begin: Callable[[], str]) -> None:
        message = begin()
        self.call_from_thread(self.notify, message, markup=False)

    def action_reload(self) -> None:
        """Open the store again, and write the whole screen."""
        self.close_store()
        self.poll()
        self.draw_anew()

    def _look_on(self) -> None:
        self.poll(resting=time.monotonic() - self._shown < _REST)
        for status in self.main.query(Status):
            status.wait(self.reader.long)

    def poll(self, resting: bool = False) -> None:
        """Look whether the store is there and has changed; not before there is a screen to show it on.

        Args:
            resting: a change is left for later; a store that is opened is shown nonetheless.
        """
        if not self.main.query_children(Status) or self.reader.asks(self):
            return
        self.reader.ask(self, _look, partial(self._seen, resting))

    def _answered(self, show: Callable[[], None]) -> None:
        """The store has answered; while the explorer ends there may be nothing any more to show it on."""
        if self.main.query_children(Status):
            show()

    def _seen(self, resting: bool, version: int | None) -> None:
        """`version`: None if the file that was opened lies at the path no more."""
        opened, shown = self.version
        if version is None:
            self.close_store()
            return self.poll()
        if version != shown and not (resting and shown != -1):
            self._shown = time.monotonic() if shown != -1 else self._shown
            self.version = (opened, version)
            self.main.reload(self.version)
        self.main.query_one(Status).look_after()

    def unreadable(self, error: Exception) -> None:
        """Say why nothing can be read; what another has told of already is not told again."""
        self.close_store()
        if isinstance(error, StoreError):
            self.main.vacant(str(error))
        elif isinstance(error, sqlite3.Error):
            self.main.vacant(f"The store {self.store} cannot be read: {error}.")
            self.fail(error)
        else:
            raise error

    def close_store(self) -> None:
        """What is asked from now on is asked of what lies at the path then."""
        self.reader.close()
        self.version = (self.version[0] + 1, -1)

    def fail(self, error: BaseException) -> None:
        """Tell of an error, and keep it for the log and for `E`; one that is told of is not told again."""
        said = f"{str(error) or type(error).__name__}\nE shows it in full"
        if any(toast.message == said for toast in self._notifications):
            return
        self.last_error = "".join(traceback.format_exception(error))
        self.note(self.last_error)
        self.notify(said, severity="error", markup=False, timeout=3600)

    def note(self, text: str) -> Path:
        """Write to the log. Returns its path."""
        log = state.folder() / "explorer.log"
        with suppress(OSError), open(log, "a", opener=private_files.opener) as file:
            file.write(f"{datetime.now().isoformat(timespec='seconds')} {lines(text)}\n")
        return log

    @on(Worker.StateChanged)
    def _worker_failed(self, event: Worker.StateChanged) -> None:
        if event.state is WorkerState.ERROR and event.worker.error:
            self.fail(event.worker.error)

    def on_unmount(self) -> None:
        gc.unfreeze()
        self.release_signals()
        look = {"theme": self.theme, "pane": self.main.pane_name, "zoomed": self.main.has_class("-zoomed")}
        if self._remembers:
            with suppress(OSError, StoreError):
                state.remember(self.store, self.main.wish, **look)
        self.close_store()

    def _fatal_error(self) -> None:
        """Instead of Textual's traceback, which prints local variables."""
        log = self.note(traceback.format_exc())
        if self._exit_renderables:
            return
        self.panic(Text(f"circuit-tui stopped because of an error of its own: {self._exception!r}\nMore is in {log}"))


def _look(db: Connection) -> int | None:
    return None if db.moved() else queries.data_version(db)
