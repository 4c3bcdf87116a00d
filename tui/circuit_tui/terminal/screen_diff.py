"""Only what changed on the screen is written to the terminal, line by line of each widget.

Textual writes every line that it draws anew, also one that looks as before; a store that is written to has all panes
drawn anew, twice a second. Over a slow connection that is the difference between kilobytes and nothing. So each piece
of a line is held against what was written last in its place; of a piece only what lies between the first and the last
word that differ is written.
"""

from collections.abc import Iterator

from rich.cells import get_character_cell_size
from rich.console import Console, ConsoleOptions, RenderResult
from rich.style import Style
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.geometry import Size
from textual.strip import Strip

Piece = tuple[int, int, Strip]
"""x, y and what is written there."""


class WrittenScreen:
    """What stands on the terminal, as far as it was written since `forget`."""

    def __init__(self) -> None:
        self.size = Size(0, 0)
        self.lines: dict[int, dict[int, Strip]] = {}
        """y -> x -> piece; none overlaps another."""

    def forget(self) -> None:
        """The terminal may show anything: it was resized, or another program wrote to it."""
        self.lines.clear()

    def fit(self, size: Size) -> None:
        if size != self.size:
            self.size = size
            self.forget()

    def changes(self, pieces: Iterator[Piece]) -> Iterator[Piece]:
        """What looks otherwise than what stands there; the pieces stand there afterwards."""
        for x, y, strip in pieces:
            line = self.lines.setdefault(y, {})
            before = line.get(x)
            if before is not None and before.cell_length >= strip.cell_length:
                if before.crop(0, strip.cell_length) == strip:
                    continue
            end = x + strip.cell_length
            for other in [at for at, held in line.items() if at < end and x < at + held.cell_length]:
                del line[other]
            line[x] = strip
            start, stop = _changed(before, strip) if before else (0, strip.cell_length)
            if start < stop:
                yield x + start, y, strip.crop(start, stop).simplify()


def _changed(before: Strip, after: Strip) -> tuple[int, int]:
    """From which cell to which a piece is to be written: whole words, so that what is written can be read by itself.

    All of it, unless each character takes one cell.
    """
    stood, cells = _cells(before), _cells(after)
    characters = {text for text, _ in stood} | {text for text, _ in cells}
    if len(cells) != len(stood) or any(get_character_cell_size(text) != 1 for text in characters):
        return 0, after.cell_length
    start, stop = 0, len(cells)
    while start < stop and stood[start] == cells[start]:
        start += 1
    while start < stop and stood[stop - 1] == cells[stop - 1]:
        stop -= 1
    if start == stop:
        return 0, 0
    while start and _in_word(cells[start]) and _in_word(cells[start - 1]):
        start -= 1
    while stop < len(cells) and _in_word(cells[stop - 1]) and _in_word(cells[stop]):
        stop += 1
    return start, stop


_Cell = tuple[str, Style | None]


def _cells(strip: Strip) -> list[_Cell]:
    return [(text, style) for part, style, _ in strip for text in part]


def _in_word(cell: _Cell) -> bool:
    return cell[0].isascii() and cell[0] != " "


class ScreenDiff(CompositorUpdate):
    """An update of Textual's, of which only the changes are written."""

    def __init__(self, update: LayoutUpdate | ChopsUpdate, written: WrittenScreen) -> None:
        self.update, self.written = update, written

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """All of it, for whoever draws the update elsewhere."""
        return self.update.__rich_console__(console, options)

    def render_segments(self, console: Console) -> str:
        changes = self.written.changes(self._pieces())
        return "".join(f"\x1b[{y + 1};{x + 1}H{strip.render(console)}" for x, y, strip in changes)

    def _pieces(self) -> Iterator[Piece]:
        """What the update draws, cut as its own `render_segments` cuts it."""
        update = self.update
        if isinstance(update, LayoutUpdate):
            for y, line in enumerate(update.strips, update.region.y):
                x = update.region.x
                for strip in line:
                    yield x, y, strip
                    x += strip.cell_length
            return
        for y, first, last in update.spans:
            for end, (x, strip) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
                if strip is not None and x <= last and end > first:
                    yield x, y, strip if first <= x < last and end <= last else strip.crop(0, min(end, last) - x)
