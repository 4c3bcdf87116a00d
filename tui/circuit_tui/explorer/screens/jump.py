"""The jump overlay: each part of a screen under a letter of the home row."""

from rich.text import Text
from textual.app import ComposeResult
from textual.events import Key
from textual.screen import ModalScreen

from circuit_tui.explorer import theme
from circuit_tui.explorer.widgets.live_text import Note

LETTERS = "asdfghjkl"


class Jump(ModalScreen[str]):
    """Gives the name of the part whose letter is pressed; None for any other key."""

    DEFAULT_CSS = """
    Jump { background: transparent; align: left bottom; }
    Jump Note { width: 1fr; height: 1; background: $panel; color: $foreground; }
    """

    def __init__(self, parts: tuple[str, ...]):
        super().__init__()
        self.parts = dict(zip(LETTERS, parts, strict=False))

    def compose(self) -> ComposeResult:
        accent = theme.palette(self.app.current_theme.dark).accent
        line = Text("go to   ", no_wrap=True)
        for letter, name in self.parts.items():
            line.append(letter, f"bold {accent}").append(f" {name.replace('-', ' ')}   ")
        yield Note(line)

    def on_key(self, event: Key) -> None:
        event.stop()
        self.dismiss(self.parts.get(event.key))
