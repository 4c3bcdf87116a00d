"""Text that changes often: of lines that are read again and again, only those that changed are drawn anew."""

from collections.abc import Callable, Sequence
from typing import Any

from rich.text import Text
from textual.reactive import Reactive
from textual.widgets import Static

from circuit_tui.explorer.widgets.cursor_lines import Lines


class Note(Static):
    """A few lines of text, laid out anew only when their number changes; hidden while there is nothing to say."""

    DEFAULT_CSS = """
    Note { height: auto; color: $secondary; padding: 0 1; }
    Note.-empty { display: none; }
    """
    auto_links = Reactive(False)
    """No link is looked for in each piece of text that is drawn."""
    said: Text | None = None

    def say(self, text: Text) -> None:
        if text == self.said:
            return
        self.said = text
        self.set_class(not text, "-empty")
        lines = text.wrap(self.app.console, max(1, self.size.width)) if text else []
        self.update(text, layout=len(lines) != self.size.height)


class ChangedLines(Lines):
    """`write` turns a row into a line of a width. The cursor is led along by `lead` until the user moves it."""

    def __init__(self, write: Callable[[Any, int], Text], moved: Callable[[], None]):
        super().__init__(self._line, moved)
        self.rows: Sequence[Any] = ()
        self._write = write
        self._seen: dict[int, Text] = {}
        self.led = True

    @property
    def row(self) -> Any | None:
        """Under the cursor."""
        return self.rows[self.cursor] if self.cursor < len(self.rows) else None

    def update(self, rows: Sequence[Any], cursor: int, message: str = "") -> None:
        """Show these; as many as before are taken for the same ones."""
        same = len(rows) == len(self.rows) and (message == self.message or bool(rows))
        self.rows = rows
        if not same:
            self._seen.clear()
            return self.show(len(rows), cursor, message)
        if cursor != self.cursor:
            self.cursor = cursor
        width = self.scrollable_content_region.width - 1
        for index, before in list(self._seen.items()):
            if not self._in_view(index):
                del self._seen[index]
            elif self._write(self.rows[index], width) != before:
                self.refresh_line(index)

    def lead(self, index: int) -> None:
        """Put the cursor on what goes on there, unless the user has put it elsewhere."""
        if self.led and index != self.cursor and index < self.count:
            self.cursor = index

    def go(self, index: int) -> None:
        self.led = False
        super().go(index)

    def scroll_to_cursor(self) -> None:
        """A led cursor that leaves the view begins a new page: a line at a time would redraw all lines each time."""
        if not self.led:
            super().scroll_to_cursor()
        elif not self._in_view(self.cursor):
            self.scroll_to(y=self.cursor, animate=False, force=True, immediate=True)

    def _in_view(self, index: int) -> bool:
        return 0 <= index - self.scroll_offset.y < self.size.height

    def _line(self, index: int, width: int) -> Text:
        self._seen[index] = self._write(self.rows[index], width)
        return self._seen[index]
