"""What the explorer writes to the terminal: only what changed, nothing that steers it, and copies for its clipboard.

It also ends on a signal: in order, or by force if the terminal is gone and a write never returns.
"""

import asyncio
import base64
import os
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from rich.cells import cell_len, set_cell_size
from rich.console import RenderableType
from rich.segment import Segment
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.app import App
from textual.color import Color
from textual.filter import LineFilter
from textual.screen import Screen

from circuit_store.display_text import UNREADABLE, steers
from circuit_tui.terminal.ascii import Ascii
from circuit_tui.terminal.screen_diff import ScreenDiff, WrittenScreen

_CLIPBOARD = 74_994
"""Bytes of base64 that terminals accept."""
_SCREEN_CHUNK = 76
_ENDINGS = (signal.SIGTERM, signal.SIGHUP)
_PATIENCE = 3.0
"""Seconds that an end in order may take."""


class Sanitizer(LineFilter):
    """The last thing between a text and the terminal: whatever a widget draws, no character of it steers the terminal.

    Panes show what others wrote through `notation.plain`, so that it also keeps its line and its place. This is for the
    rest: messages of errors, what a user pastes into the filter, the widgets of libraries. What is put in is as wide
    as what it replaces, so that nothing moves.
    """

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [part if part.text.isprintable() else self._harmless(part) for part in segments]

    def _harmless(self, part: Segment) -> Segment:
        text = "".join(UNREADABLE * cell_len(c) if steers(c) else c for c in part.text)
        return Segment(set_cell_size(text, part.cell_length), part.style)


def copy_sequence(text: str, environ: Mapping[str, str]) -> str | None:
    """The escape sequence (OSC 52) by which the terminal copies a text, also over SSH.

    tmux and screen swallow it unless it is wrapped for them. Terminals drop a long one: then this is None, and the
    caller writes a file instead. Nothing acknowledges a copy, so nobody may say "copied".
    """
    payload = base64.b64encode(text.encode()).decode()
    if len(payload) > _CLIPBOARD:
        return None
    plain = f"\x1b]52;c;{payload}\x07"
    if environ.get("TMUX"):
        return f"\x1bPtmux;{plain.replace(chr(27), chr(27) * 2)}\x1b\\"
    if environ.get("STY"):
        chunks = (plain[i : i + _SCREEN_CHUNK] for i in range(0, len(plain), _SCREEN_CHUNK))
        return "".join(f"\x1bP{chunk}\x1b\\" for chunk in chunks)
    return plain


class TerminalApp(App[None]):
    """`written` is what stands on the terminal."""

    ascii = False
    """Whether nothing but ASCII is drawn."""

    def __init__(self) -> None:
        super().__init__()
        self._harmless, self._ascii, self.written = Sanitizer(), Ascii(), WrittenScreen()

    def on_mount(self) -> None:
        self.app_resume_signal.subscribe(self, lambda _: self.written.forget())

    def get_line_filters(self) -> Sequence[LineFilter]:
        return [*super().get_line_filters(), self._harmless, *([self._ascii] if self.ascii else [])]

    def _display(self, screen: Screen, renderable: RenderableType | None) -> None:
        """Write what changed, instead of all that was drawn."""
        self.written.fit(screen.size)
        if isinstance(renderable, LayoutUpdate | ChopsUpdate) and not self.is_inline:
            renderable = ScreenDiff(renderable, self.written)
        super()._display(screen, renderable)

    def on_resize(self) -> None:
        """The terminal has moved its text about, even if it is as large as before."""
        self.draw_anew()

    def draw_anew(self) -> None:
        """Write the whole screen."""
        self.written.forget()
        if self.screen_stack:
            self.screen.refresh()

    def copy_to_clipboard(self, text: str) -> None:
        self._clipboard = text
        escape = copy_sequence(text, os.environ)
        if escape and self._driver:
            self._driver.write(escape)

    def catch_signals(self) -> None:
        """From now on the signals that end a program have it exit in order."""
        loop = asyncio.get_running_loop()

        def end(number: int, frame: object) -> None:
            last = threading.Timer(_PATIENCE, os._exit, (128 + number,))
            last.daemon = True
            last.start()
            loop.call_soon_threadsafe(self.exit)

        self._handle_endings(end)

    def release_signals(self) -> None:
        """From now on they end the process, as they do by default."""
        self._handle_endings(signal.SIG_DFL)

    def _handle_endings(self, how: Callable[[int, object], None] | signal.Handlers) -> None:
        """Only the main thread may."""
        for ending in _ENDINGS:
            with suppress(ValueError):
                signal.signal(ending, how)
