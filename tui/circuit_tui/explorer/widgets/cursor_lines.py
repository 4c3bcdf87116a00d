"""Lines with a cursor, drawn one at a time: what lists, heat map and tree have in common.

Only the lines that are seen are drawn, and only those that change are drawn again, so a key costs the same in a list
of ten and of a million.
"""

from collections.abc import Callable
from typing import Self, cast

from rich.style import Style
from rich.text import Text
from textual import events
from textual.geometry import Region, Size
from textual.reactive import Reactive, reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget


class Lines(ScrollView, can_focus=True, inherit_bindings=False):
    """`draw` writes a line in a width, `moved` hears of every move by the user; `message` stands in for no lines.

    It hears at once: a message would arrive after the next key, which quick fingers would then lose. It hears of moves
    that end where they began, too: the line under the cursor need not be the one that is chosen.
    """

    COMPONENT_CLASSES = {"lines--cursor"}
    DEFAULT_CSS = """
    Lines { overflow-x: hidden; scrollbar-size-vertical: 1; height: 1fr; }
    Lines > .lines--cursor { background: $primary 12%; }
    Lines:focus > .lines--cursor { background: $primary 30%; text-style: bold; }
    """
    cursor: reactive[int] = reactive(0, repaint=False)
    count: reactive[int] = reactive(0, repaint=False)
    message = ""

    def __init__(self, draw: Callable[[int, int], Text], moved: Callable[[], None]):
        super().__init__()
        self.line, self.moved = draw, moved
        self._drawn: dict[int, Strip] = {}
        """What stands on each line."""
        self._ready: dict[int, Strip] = {}
        """What is to stand there next."""
        self._width = 0
        self._ground = Style()

    def show(self, count: int, cursor: int, message: str = "") -> None:
        """Show others; lines that look as before are not drawn anew."""
        self.message = message
        self.count = count
        self.be_high(self.height_of(count))
        self.set_reactive(Lines.cursor, max(0, min(cursor, count - 1)))
        self._look_up()
        lines = ((y, self.draw_line(y)) for y in range(self.size.height))
        if changed := {y: line for y, line in lines if line != self._drawn.get(y)}:
            self.refresh(*(Region(0, y, self.size.width, 1) for y in changed))
        self._ready = changed
        self.call_after_refresh(self.scroll_to_cursor)

    def be_high(self, height: int) -> None:
        """Have as many lines; the screen is laid out anew only where the scrollbar comes or goes."""
        size = self.virtual_size.with_height(height)
        if size != self.virtual_size:
            self.set_reactive(cast("Reactive[Size]", Widget.virtual_size), size)
            self._scroll_update(size)

    def refresh(self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False) -> Self:
        self._ready.clear()
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)

    def render_lines(self, crop: Region) -> list[Strip]:
        self._look_up()
        return super().render_lines(crop)

    def _look_up(self) -> None:
        """What is the same for all lines, and asks every widget around."""
        self._width, self._ground = self.scrollable_content_region.width, self.rich_style

    def height_of(self, count: int) -> int:
        return count

    def move(self, where: str) -> None:
        half = max(1, self.size.height // 2)
        moved = {"down": 1, "up": -1, "page_down": half, "page_up": -half, "first": -self.count, "last": self.count}
        self.go(self.cursor + moved[where])

    def go(self, index: int) -> None:
        """Put the cursor on a line and say so."""
        if self.count:
            self.cursor = max(0, min(index, self.count - 1))
            self.moved()

    def watch_cursor(self, old: int, new: int) -> None:
        self.refresh_line(old)
        self.refresh_line(new)
        self.scroll_to_cursor()

    def scroll_to_cursor(self) -> None:
        self.scroll_to_region(Region(0, self.cursor, 1, 1), animate=False, force=True, immediate=True)

    def on_click(self, event: events.Click) -> None:
        index = event.y + self.scroll_offset.y
        if index < self.count:
            self.go(index)

    def render_line(self, y: int) -> Strip:
        line = self._drawn[y] = self._ready.pop(y, None) or self.draw_line(y)
        return line

    def draw_line(self, y: int) -> Strip:
        width = self._width
        if not self.count:
            return self._said(y, width)
        index = y + self.scroll_offset.y
        if index >= self.count:
            return Strip.blank(width, self._ground)
        here = index == self.cursor
        line = Text("›" if here else " ", no_wrap=True) + self.line(index, width - 1)
        return self.strip(line, width, self.get_component_rich_style("lines--cursor") if here else None)

    def strip(self, line: Text, width: int, style: Style | None = None) -> Strip:
        """A line of text, cut or filled to `width`, on the widget's ground."""
        drawn = Strip(line.render(self.app.console)).adjust_cell_length(width)
        return drawn.apply_style(self._ground + style if style else self._ground)

    def _said(self, y: int, width: int) -> Strip:
        room = max(10, width - 2)
        wrapped = Text(self.message).wrap(self.app.console, room)
        line = wrapped[y] if y < len(wrapped) else Text()
        return self.strip(Text(" ") + line, width)
