"""Lines that are read again and again: of those in view, only such as changed are drawn anew.

Over a slow connection every cell counts: a job that runs for days is watched for days.
"""

from collections.abc import Callable, Sequence
from typing import Any

from rich.text import Text
from textual.geometry import Region

from circuit_tui.widgets.lines import Lines


class Rows(Lines):
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
        for index, before in list(self._seen.items()):
            if not self._in_view(index):
                del self._seen[index]
            elif (now := self._write(self.rows[index], self._width)) != before:
                self._renew(index, before, now)

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

    @property
    def _width(self) -> int:
        return self.scrollable_content_region.width - 1

    def _in_view(self, index: int) -> bool:
        return 0 <= index - self.scroll_offset.y < self.size.height

    def _line(self, index: int, width: int) -> Text:
        self._seen[index] = self._write(self.rows[index], width)
        return self._seen[index]

    def _renew(self, index: int, before: Text, now: Text) -> None:
        """Draw the cells that differ; the whole line if it is the cursor's, or its colours moved."""
        first, end = differing(before, now)
        self._seen[index] = now
        self.refresh(Region(1 + first, index - self.scroll_offset.y, end - first, 1))


def differing(before: Text, now: Text) -> tuple[int, int]:
    """The cells from the first that differs to behind the last, in two lines of narrow characters."""
    cells = [_cells(line) for line in (before, now)]
    length = max(map(len, cells))
    padded = [line + [(" ", "")] * (length - len(line)) for line in cells]
    apart = [i for i, (one, other) in enumerate(zip(*padded, strict=True)) if one != other]
    return (apart[0], apart[-1] + 1) if apart else (0, 0)


def _cells(line: Text) -> list[tuple[str, str]]:
    """Each character with its styles."""
    styles = [""] * len(line.plain)
    for span in line.spans:
        for i in range(span.start, min(span.end, len(styles))):
            styles[i] += f" {span.style}"
    return list(zip(line.plain, styles, strict=True))
