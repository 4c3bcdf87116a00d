"""Layer x head heat map: a colour and a figure in every cell, so that neither stands alone."""

from collections.abc import Callable, Iterator
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
    label = 4
    """Columns before the cells, with the name of the layer and a space after it."""

    def __init__(self, moved: Callable[[], None]):
        super().__init__(lambda index, width: Text(), moved)

    def paint(self, values: list[list[float | None]], marks: tuple[Head, ...], head: Head | None, message: str) -> None:
        self.values, self.marks = values, marks
        heads = len(values[0]) if values else 0
        self.label = len(f" L{max(0, len(values) - 1)} ")
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
    def heads(self) -> int:
        return max(1, len(self.values[0]) if self.values else 1)

    @property
    def head(self) -> Head:
        return divmod(self.cursor, self.heads)

    @property
    def cell(self) -> tuple[int, int]:
        """Width and height of a cell."""
        width = (self.scrollable_content_region.width - self.label) // self.heads
        height = (self.size.height - 1) // max(1, len(self.values))
        return max(1, min(_WIDEST, width)), max(1, min(_HIGHEST, height))

    def _first(self) -> int:
        """The leftmost head shown, if not all have room."""
        room = max(1, (self.scrollable_content_region.width - self.label) // self.cell[0])
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
        if self.heads * self.cell[0] + self.label > self.size.width:
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
        self.be_high(self.height_of(self.count))
        self.call_after_refresh(self.scroll_to_cursor)

    def on_click(self, event: events.Click) -> None:
        width, height = self.cell
        layer = (event.y - 1 + self.scroll_offset.y) // height
        head = (event.x - self.label) // width + self._first()
        if 0 <= layer < len(self.values) and 0 <= head < self.heads and event.x >= self.label:
            self.go(layer * self.heads + head)

    def draw_line(self, y: int) -> Strip:
        if not self.count:
            return super().draw_line(y)
        colours, size = theme.palette(self.app.current_theme.dark), self.cell
        layer, inner = divmod(y - 1 + self.scroll_offset.y, size[1])
        if y == 0 or layer >= len(self.values):
            return self.strip(self._header(colours) if y == 0 else Text(), self._width)
        named = inner == (size[1] - 1) // 2
        label = Segment(f" L{layer}".ljust(self.label) if named else " " * self.label, Style(color=colours.muted))
        cells = self._cells(layer, inner, named, size, colours)
        return Strip([label, *cells]).simplify().adjust_cell_length(self._width).apply_style(self._ground)

    def _cells(
        self, layer: int, inner: int, named: bool, size: tuple[int, int], colours: theme.Palette
    ) -> Iterator[Segment]:
        """One line of a layer's cells; most have neither cursor nor mark."""
        special = {head for at, head in (self.head, *self.marks) if at == layer}
        styles: dict[str, Style] = {}
        for head in range(self._first(), self.heads):
            if head in special:
                yield self._cell((layer, head), colours, inner, size)
                continue
            value = self.values[layer][head]
            ground = shade(value, colours)
            style = styles.get(ground) or styles.setdefault(ground, _style(colours, ground))
            yield Segment((figure(value, size[0], self.signs) if named else "").center(size[0]), style)

    def _header(self, colours: theme.Palette) -> Text:
        """The names of the heads; of as many that none runs into the next."""
        width, last = self.cell[0], str(self.heads - 1)
        names = [f"{'h' if width > len(last) + 1 else ''}{head}" for head in range(self._first(), self.heads)]
        apart = next(n for n in (1, 2, 5, 10) if n * width > len(last) or n == 10)
        shown = (name if head % apart == 0 else "" for head, name in enumerate(names, self._first()))
        if apart == 1:
            return Text(" " * self.label + "".join(name.center(width) for name in shown), colours.muted)
        line = list(" " * self.label + " " * (len(names) * width))
        for place, name in enumerate(shown):
            start = self.label + place * width
            line[start : start + len(name)] = name
        return Text("".join(line), colours.muted)

    def _cell(self, head: Head, colours: theme.Palette, inner: int, size: tuple[int, int]) -> Segment:
        """One line of a cell of a size; the cursor is a frame around it, or brackets where it is flat."""
        width, height = size
        value = self.values[head[0]][head[1]]
        ground = shade(value, colours)
        text = figure(value, width, self.signs)
        marked = head in self.marks
        under = marked and len(text) == width
        text += "*" if marked and not under else ""
        middle = text if inner == (height - 1) // 2 else ""
        if head != self.head:
            return Segment(middle.center(width), _style(colours, ground, underline=under))
        if width < len(text) + 2:
            return Segment(middle.center(width), _style(colours, ground, underline=under, bold=True, reverse=True))
        if height < 3:
            framed = f"[{middle}]".center(width)[:width] if middle else " " * width
        elif inner in (0, height - 1):
            framed = ("┌" if inner == 0 else "└") + "─" * (width - 2) + ("┐" if inner == 0 else "┘")
        else:
            framed = f"│{middle.center(width - 2)[: width - 2]}│"
        return Segment(framed, _style(colours, ground, here=True, bold=True))


@lru_cache(256)
def _style(
    colours: theme.Palette,
    ground: str,
    here: bool = False,
    underline: bool = False,
    bold: bool | None = None,
    reverse: bool | None = None,
) -> Style:
    """Of a cell on a ground: there are few, and many cells."""
    flat = ground == colours.ground
    ink = (colours.accent if here else colours.muted) if flat else theme.ink(ground)
    return Style(color=ink, bgcolor=ground, underline=underline, bold=bold, reverse=reverse)
