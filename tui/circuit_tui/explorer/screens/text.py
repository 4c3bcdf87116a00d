"""A page of text instead of the panes: an error in full, or where a number comes from.

Nothing is seen of the panes around it: they would be drawn, dimmed, with every change of theirs and of the page.
"""

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.screen import ModalScreen

from circuit_tui.explorer import bindings
from circuit_tui.explorer.widgets.live_text import Note

_CLOSE = [("escape,q,enter,backspace,i,E", "dismiss", "Close")]
_SCROLL = [("j,down", "scroll('down')", "Down"), ("k,up", "scroll('up')", "Up")]


class TextScreen(ModalScreen[None]):
    """`text` is shown as it is, without markup."""

    BINDINGS = [*_CLOSE, *_SCROLL, *bindings.named("reload", *bindings.SCREEN_KEYS)]
    DEFAULT_CSS = """
    TextScreen { align: center middle; background: $background; }
    TextScreen > VerticalScroll {
        width: 90%; max-width: 100; height: auto; max-height: 90%;
        background: $panel; padding: 1 2; border-top: solid $accent; border-title-color: $accent;
    }
    TextScreen Note { color: $foreground; padding: 0; }
    """

    def __init__(self, title: str, text: Text):
        super().__init__()
        self._title, self._text = title, text

    def compose(self) -> ComposeResult:
        with VerticalScroll() as page:
            page.border_title = f"{self._title}   esc closes"
            yield Note(self._text)

    def action_scroll(self, where: str) -> None:
        page = self.query_one(VerticalScroll)
        (page.scroll_down if where == "down" else page.scroll_up)(animate=False)
