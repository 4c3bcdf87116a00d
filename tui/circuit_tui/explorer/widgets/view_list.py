"""The list of all views of the store, a line each; the one that is shown stands out."""

from rich.text import Text

from circuit_store.views import VIEWS
from circuit_tui.explorer import theme
from circuit_tui.explorer.widgets.live_text import ChangedLines


class ViewList(ChangedLines):
    def __init__(self) -> None:
        super().__init__(self._of, lambda: None)
        self.shown = ""
        self.led = False

    def show_view(self, name: str) -> None:
        self.shown = name
        self.update(list(VIEWS), list(VIEWS).index(name))
        self.refresh()

    def on_resize(self) -> None:
        """As far from the top as the cursor needs: while it was hidden, it had no height to scroll in."""
        self.scroll_to(y=max(0, self.cursor + 1 - self.size.height), animate=False, force=True, immediate=True)

    def _of(self, name: str, width: int) -> Text:
        colours = theme.palette(self.app.current_theme.dark)
        line = Text(f"{name:<17}", f"bold {colours.accent}" if name == self.shown else "", no_wrap=True)
        line.append(VIEWS[name].about, colours.muted)
        line.truncate(width, overflow="ellipsis")
        return line
