"""What the explorer writes to the terminal: only what changed, nothing that does harm, and copies for the clipboard."""

import os
from collections.abc import Sequence

from rich.console import RenderableType
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.app import App
from textual.filter import LineFilter
from textual.screen import Screen

from circuit_tui.terminal import clipboard
from circuit_tui.terminal.sanitize import Sanitizer
from circuit_tui.terminal.screen_diff import ScreenDiff, WrittenScreen


class TerminalApp(App[None]):
    """`written` is what stands on the terminal."""

    def __init__(self) -> None:
        super().__init__()
        self._harmless, self.written = Sanitizer(), WrittenScreen()

    def on_mount(self) -> None:
        self.app_resume_signal.subscribe(self, lambda _: self.written.forget())

    def get_line_filters(self) -> Sequence[LineFilter]:
        return [*super().get_line_filters(), self._harmless]

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
        escape = clipboard.sequence(text, os.environ)
        if escape and self._driver:
            self._driver.write(escape)
