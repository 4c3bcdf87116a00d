"""A few lines of text that are laid out anew only when their number changes, so that they cost little to keep up."""

from rich.text import Text
from textual.widgets import Static


class Note(Static):
    """Hidden while there is nothing to say."""

    DEFAULT_CSS = """
    Note { height: auto; color: $secondary; padding: 0 1; }
    Note.-empty { display: none; }
    """
    said: Text | None = None

    def say(self, text: Text) -> None:
        if text == self.said:
            return
        self.said = text
        self.set_class(not text, "-empty")
        lines = text.wrap(self.app.console, max(1, self.size.width)) if text else []
        self.update(text, layout=len(lines) != self.size.height)
