"""The help screen: all keys, from the list in `bindings`; typing narrows them."""

from itertools import groupby

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from circuit_tui.explorer import bindings, theme

_TIP = 18
"""Column at which tips begin."""


class Help(ModalScreen[None]):
    BINDINGS = [
        ("escape,f1", "dismiss", "Close"),
        ("down", "scroll('down')", "Down"),
        ("up", "scroll('up')", "Up"),
        ("pagedown", "scroll('page_down')", "Page down"),
        ("pageup", "scroll('page_up')", "Page up"),
    ]
    DEFAULT_CSS = """
    Help { align: center middle; }
    Help > VerticalScroll {
        width: 90%; max-width: 84; height: 90%; scrollbar-gutter: stable;
        background: $panel; padding: 0 2; border-top: solid $accent; border-title-color: $accent;
    }
    Help Input, Help Input:focus { border: none; padding: 0; height: 1; margin: 0 0 1 0; background: $panel; }
    """

    def compose(self) -> ComposeResult:
        with VerticalScroll(can_focus=False) as page:
            page.border_title = "Keys   esc closes"
            yield Input(placeholder="type to search the keys", select_on_focus=False)
            yield Static()

    @on(Input.Changed)
    def _narrow(self) -> None:
        self._show()

    def on_resize(self) -> None:
        self.call_after_refresh(self._show)

    def _show(self) -> None:
        """What has no room in its line goes on below where it begins."""
        room = self.query_one(VerticalScroll).scrollable_content_region.width - _TIP
        below = Text("\n" + " " * _TIP)
        lines = self.text(self.query_one(Input).value).split("\n")
        wrapped = [line[:_TIP] + below.join(line[_TIP:].wrap(self.app.console, max(10, room))) for line in lines]
        self.query_one(Static).update(Text("\n").join(wrapped))

    def text(self, words: str) -> Text:
        """The keys that match, by group."""
        colours = theme.palette(self.app.current_theme.dark)
        lines, groups = Text(), [key.group for key in bindings.KEYS]
        found = sorted(bindings.matching(words), key=lambda key: groups.index(key.group))
        for group, keys in groupby(found, lambda key: key.group):
            lines.append(f"{group}\n", f"bold {colours.accent}")
            for key in keys:
                lines.append(f"  {key.display:<{_TIP - 2}}", "bold").append(key.tip)
                lines.append(f"  {key.places}\n" if key.where else "\n", colours.muted)
        return lines or Text("No key for that.", colours.muted)

    def action_scroll(self, where: str) -> None:
        getattr(self.query_one(VerticalScroll), f"scroll_{where}")(animate=False)
