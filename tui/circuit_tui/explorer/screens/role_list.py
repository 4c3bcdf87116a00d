"""The list of roles: each under a letter of its own; `m` again is the next role, `M` the one before."""

from collections.abc import Sequence

from rich.text import Text
from textual.app import ComposeResult
from textual.events import Key
from textual.screen import ModalScreen

from circuit_tui.explorer import theme
from circuit_tui.explorer.screens.jump import LETTERS
from circuit_tui.explorer.widgets.heads import badge
from circuit_tui.explorer.widgets.live_text import Note
from circuit_tui.explorer.widgets.notation import plain

_LETTERS = LETTERS + "qwertyuiopzxcvbn"


class RoleList(ModalScreen[str]):
    """Gives the role whose letter is pressed; None for any other key."""

    DEFAULT_CSS = """
    RoleList { background: transparent; align: center middle; }
    RoleList Note { width: 36; height: auto; max-height: 100%; background: $panel; color: $foreground; padding: 0 1; }
    """

    def __init__(self, roles: Sequence[str], current: str):
        super().__init__()
        self.roles, self.current = list(roles), current

    def compose(self) -> ComposeResult:
        accent = theme.palette(self.app.current_theme.dark).accent
        lines = Text("m next   M previous   esc closes\n", no_wrap=True)
        for letter, role in zip(_LETTERS, self.roles, strict=False):
            here = role == self.current
            lines.append(f"\n{'›' if here else ' '} ").append(letter, f"bold {accent}").append(" ")
            lines.append_text(badge(role)).append(f" {plain(role).replace('_', ' ')}", "bold" if here else "")
        yield Note(lines)

    def on_key(self, event: Key) -> None:
        event.stop()
        beside = {"m": 1, "M": -1, "upper_m": -1}.get(event.key)
        if beside:
            self.dismiss(self.roles[(self.roles.index(self.current) + beside) % len(self.roles)])
        else:
            self.dismiss(dict(zip(_LETTERS, self.roles, strict=False)).get(event.key))
