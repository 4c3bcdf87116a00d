"""Layer x head heat map: a colour and a figure in every cell, so that neither stands alone."""

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events
from textual.geometry import Region
from textual.strip import Strip

from circuit_tui.explorer import theme
from circuit_tui.explorer.role_display import NEAR_ZERO
from circuit_tui.explorer.state import Head
from circuit_tui.explorer.widgets.cursor_lines import Lines

_LABEL = 4
_DECIMALS = 5
"""Columns besides a sign that two decimals take, with a mark and a space."""
_TENTHS = "0123456789X"
_BELOW = str.maketrans(_TENTHS, "₀₁₂₃₄₅₆₇₈₉ₓ")
_WIDEST, _HIGHEST = 12, 5


def figure(value: float | None, width: int, signs: int = 0) -> str:
    """A value in a cell, rounded: two decimals where there is room, else one; `∅` if not computed, `·` near 0.

    Without room for a sign, a negative figure stands below the line. In a single column a figure is tenths, and 1 is X.

    Args:
        width: columns of the cell.
        signs: those of them that are kept for minus signs.
    """
    if value is None:
        return "∅"
    size = abs(value)
    if width - signs >= _DECIMALS:
        text = _ones(size, 2)
        return "·" if text == ".00" else ("−" if value < 0 else "") + text
    if size < NEAR_ZERO:
        return "·"
    text = _ones(size, 1) if width > 1 else _TENTHS[min(10, _tenths(size))]
    if value > 0:
        return text
    return f"−{text}" if width > 2 else text.translate(_BELOW)


def _ones(size: float, decimals: int) -> str:
    """`.93`, `1.0`; with one decimal `.9`, `1`."""
    if decimals == 1:
        return f".{_tenths(size)}" if _tenths(size) < 10 else f"{size:.0f}"
    text = f"{size:.2f}"
    return text[1:] if text < "1" else f"{size:.1f}"


def _tenths(size: float) -> int:
    return int(size * 10 + 0.5)


def shade(value: float | None, colours: theme.Palette) -> str:
    """The background of a cell."""
    if value is None or abs(value) < NEAR_ZERO:
        return colours.ground
    ramp = colours.ramp if value > 0 else colours.negative
    return ramp[min(len(ramp) - 1, int(abs(value) * len(ramp)))]


class HeatMap(Lines):
    """The cursor is a head's number, layer by layer; cells are drawn instead of lines."""

    values: list[list[float | None]] = []
    marks: tuple[Head, ...] = ()
    signs = 0
    """Columns of a cell that are kept for minus signs."""

    def __init__(self, moved: Callable[[], None]):
        super().__init__(lambda index, width: Text(), moved)

    def paint(self, values: list[list[float | None]], marks: tuple[Head, ...], head: Head | None, message: str) -> None:
        self.values, self.marks = values, marks
        heads = len(values[0]) if values else 0
        self.signs = int(any(value is not None and value <= -NEAR_ZERO for row in values for value in row))
        layer, index = head or (0, 0)
        self.show(0 if message else len(values) * heads, layer * heads + index, message)

    def point(self, marks: tuple[Head, ...], head: Head | None) -> None:
        """Move the cursor, or show other marks."""
        if marks != self.marks:
            self.marks = marks
            self.refresh()
        if head and self.count:
            self.cursor = head[0] * self.heads + head[1]

    @property
    def colours(self) -> theme.Palette:
        return theme.palette(self.app.current_theme.dark)

    @property
    def heads(self) -> int:
        return max(1, len(self.values[0]) if self.values else 1)

    @property
    def head(self) -> Head:
        return divmod(self.cursor, self.heads)

    @property
    def cell(self) -> tuple[int, int]:
        """Width and height of a cell."""
        width = (self.scrollable_content_region.width - _LABEL) // self.heads
        height = (self.size.height - 1) // max(1, len(self.values))
        return max(1, min(_WIDEST, width)), max(1, min(_HIGHEST, height))

    def _first(self, width: int) -> int:
        """The leftmost head shown, if not all have room; `width`: of a cell."""
        room = max(1, (self.scrollable_content_region.width - _LABEL) // width)
        return max(0, min(self.head[1] - room // 2, self.heads - room))

    def height_of(self, count: int) -> int:
        return 1 + len(self.values) * self.cell[1] if count else 0

    def move(self, where: str) -> None:
        layer, head = self.head
        row = min(layer + 1, len(self.values) - 1) if where == "down" else max(0, layer - 1)
        half = max(1, len(self.values) // 2)
        places = {
            "left": layer * self.heads + max(0, head - 1),
            "right": layer * self.heads + min(self.heads - 1, head + 1),
            "first": 0,
            "last": self.count - 1,
            "page_down": min(layer + half, len(self.values) - 1) * self.heads + head,
            "page_up": max(layer - half, 0) * self.heads + head,
        }
        self.go(places.get(where, row * self.heads + head))

    def watch_cursor(self, old: int, new: int) -> None:
        if self.heads * self.cell[0] + _LABEL > self.size.width:
            self.refresh()
            return
        for cursor in (old, new):
            top = 1 + cursor // self.heads * self.cell[1] - self.scroll_offset.y
            self.refresh(Region(0, top, self.size.width, self.cell[1]))
        self.scroll_to_cursor()

    def scroll_to_cursor(self) -> None:
        height = self.cell[1]
        region = Region(0, self.head[0] * height, 1, height + 1)
        self.scroll_to_region(region, animate=False, force=True, immediate=True)

    def on_resize(self) -> None:
        self.virtual_size = self.virtual_size.with_height(self.height_of(self.count))

    def on_click(self, event: events.Click) -> None:
        width, height = self.cell
        layer = (event.y - 1 + self.scroll_offset.y) // height
        head = (event.x - _LABEL) // width + self._first(width)
        if 0 <= layer < len(self.values) and 0 <= head < self.heads and event.x >= _LABEL:
            self.go(layer * self.heads + head)

    def render_line(self, y: int) -> Strip:
        if not self.count:
            return super().render_line(y)
        colours, (width, height) = self.colours, self.cell
        first, room = self._first(width), self.scrollable_content_region.width
        layer, inner = divmod(y - 1 + self.scroll_offset.y, height)
        if y == 0:
            return self.strip(self._header(colours, width, first), room)
        if layer >= len(self.values):
            return Strip.blank(room, self.rich_style)
        label = f" L{layer}" if inner == (height - 1) // 2 else ""
        line = [Segment(label.ljust(_LABEL), Style(color=colours.muted))]
        here = self.head
        for head in range(first, self.heads):
            line.append(self._cell((layer, head), colours, inner, (width, height), here))
        return Strip(line).adjust_cell_length(room).apply_style(self.rich_style)

    def _header(self, colours: theme.Palette, width: int, first: int) -> Text:
        if width == 1:
            names = "".join(str(h) if h % 5 == 0 else "" if h % 5 == 1 and h > 10 else " " for h in range(self.heads))
            return Text(" " * _LABEL + names[first:], colours.muted)
        names = [f"{'h' if width > 3 else ''}{h}".center(width)[:width] for h in range(first, self.heads)]
        return Text(" " * _LABEL + "".join(names), colours.muted)

    def _cell(self, head: Head, colours: theme.Palette, inner: int, cell: tuple[int, int], cursor: Head) -> Segment:
        """One line of a cell; the cursor is a frame around it, or brackets where it is flat."""
        width, height = cell
        value = self.values[head[0]][head[1]]
        ground = shade(value, colours)
        text = figure(value, width, self.signs)
        marked = head in self.marks
        under = marked and len(text) == width
        text += "*" if marked and not under else ""
        middle = text if inner == (height - 1) // 2 else ""
        style = _style(ground, ground == colours.ground, colours.muted)
        if head != cursor:
            return Segment(middle.center(width), style + Style(underline=True) if under else style)
        if width < len(text) + 2:
            return Segment(middle.center(width), style + Style(bold=True, reverse=True, underline=under))
        if height < 3:
            framed = f"[{middle}]".center(width)[:width] if middle else " " * width
        elif inner in (0, height - 1):
            framed = ("┌" if inner == 0 else "└") + "─" * (width - 2) + ("┐" if inner == 0 else "┘")
        else:
            framed = f"│{middle.center(width - 2)[: width - 2]}│"
        here = Style(color=colours.accent) if ground == colours.ground else Style()
        return Segment(framed, style + here + Style(bold=True))


@lru_cache(256)
def _style(ground: str, empty: bool, muted: str) -> Style:
    """Of a cell on its colour, or on the screen's."""
    return Style(color=muted if empty else theme.ink(ground), bgcolor=ground)


class DifferenceMap(HeatMap):
    """Of signed differences: what rose is blue, what fell orange."""

    @property
    def colours(self) -> theme.Palette:
        colours = super().colours
        return replace(colours, ramp=colours.positive)
