"""The line of keys at the bottom: those of what has the focus; a click is the key.

It is one text: Textual's footer makes a widget of each key, all of them anew whenever the focus moves.
"""

from itertools import groupby

from rich.style import Style
from rich.text import Text
from textual.binding import Binding
from textual.screen import Screen

from circuit_tui.explorer.widgets.live_text import Note


class KeyLine(Note):
    ALLOW_SELECT = False
    COMPONENT_CLASSES = {"key-line--key", "key-line--label"}
    DEFAULT_CSS = """
    KeyLine { dock: bottom; height: 1; padding: 0; background: $footer-background; }
    KeyLine.-empty { display: block; }
    KeyLine > .key-line--key { color: $footer-key-foreground; text-style: bold; }
    KeyLine > .key-line--label { color: $footer-description-foreground; }
    """

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, lambda _: self._changed())
        self.app.theme_changed_signal.subscribe(self, lambda _: self._changed())

    def _changed(self) -> None:
        """The focus may move on before the next frame."""
        self.call_after_refresh(self._write)

    def _write(self) -> None:
        if self.is_attached:  # its screen may have closed since
            self.say(keys(self.screen, *map(self.get_component_rich_style, sorted(self.COMPONENT_CLASSES))))


def keys(screen: Screen, of_key: Style, of_label: Style) -> Text:
    """Each key that is shown with its label; a pair of keys has one."""
    shown = [active.binding for active in screen.active_bindings.values() if active.binding.show and active.enabled]
    line = Text(no_wrap=True)
    for pair, of_one in groupby({one.action: one for one in shown}.values(), lambda one: one.group or one.action):
        bound = list(of_one)
        label, room = (pair.description, " ") if isinstance(pair, Binding.Group) else (bound[0].description, "")
        line.append(room)
        for one in bound:
            click = Style(meta={"@click": ("app.simulate_key", (one.key,))})
            line.append(screen.app.get_key_display(one), of_key + click)
        line.append(f" {label} {room}", of_label)
    return line
