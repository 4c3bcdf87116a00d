"""A table of any length: rows are read page by page as they are looked at, and only what is seen is drawn."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

from rich.text import Text
from textual import events

from circuit_tui.explorer import theme
from circuit_tui.explorer.table_request import PAGE, Window
from circuit_tui.explorer.widgets.cursor_lines import Lines
from circuit_tui.explorer.widgets.live_text import Note
from circuit_tui.explorer.widgets.notation import plain
from circuit_tui.explorer.widgets.table_cells import GAP, NONE, Shape, layout, shapes

_HELD = 20
"""Pages that are kept."""


class Grid(Lines):
    """`want` is told the place of a page that is looked at and not there; `moved` hears of every move, `laid` when
    other columns are seen.
    """

    def __init__(self, moved: Callable[[], None], want: Callable[[int], None], laid: Callable[[], None]):
        super().__init__(self._row, moved)
        self._want, self._laid = want, laid
        self.pages: OrderedDict[int, list[tuple[Any, ...]]] = OrderedDict()
        self.names: tuple[str, ...] = ()
        self.shapes: list[Shape] = []
        self.order: list[int] = []
        """Places of the columns that are shown, among the names."""
        self.column, self.first = 0, 0
        self.shown: list[Shape] = []
        self.sort, self.exact = "", False
        self.total: int | None = None
        """How many rows there are; None: not known yet."""

    def open(self, window: Window, order: Sequence[str], same: bool) -> None:
        """Show another table from the beginning, or the `same` anew."""
        cursor = self.cursor if same else 0
        self.pages.clear()
        if not same or window.names != self.names:
            self.shapes, self.total, self.first = [], None, 0
        held, self.names = self.here, window.names
        self.sort, self.exact = window.request.sort, bool(window.request.by)
        self.pages[window.start // PAGE] = window.rows
        self.set_columns(order, held)
        self.show(self._known(), cursor, "")

    def refuse(self, why: str) -> None:
        """Show a sentence in place of rows."""
        self.pages.clear()
        self.names, self.shapes, self.shown, self.order, self.total = (), [], [], [], 0
        self.show(0, 0, why)

    def add(self, window: Window) -> None:
        """Another page of the same table, or several."""
        for place in range(0, len(window.rows), PAGE):
            self.pages[(window.start + place) // PAGE] = window.rows[place : place + PAGE]
        while len(self.pages) > _HELD:
            self.pages.popitem(last=False)
        before = self.shapes
        self.shapes = shapes(self.names, window.rows, before, self.sort, self.exact)
        if self.shapes != before:
            self.fit()
        self._grow()
        self.refresh()

    def end(self, total: int) -> None:
        """How many rows there are is known now."""
        self.total = total
        self._grow()

    def _grow(self) -> None:
        if (known := self._known()) != self.count:
            self.count = known
            self.virtual_size = self.virtual_size.with_height(known)
            self.set_reactive(Lines.cursor, max(0, min(self.cursor, known - 1)))
            self.scroll_to_cursor()
            self.refresh()

    def _known(self) -> int:
        """Rows of which is known that they are there."""
        if self.total is not None:
            return self.total
        return max((page * PAGE + len(rows) for page, rows in self.pages.items()), default=0)

    def set_columns(self, order: Sequence[str], held: str = "") -> None:
        """Show these columns; none given: all. The cursor stays on the column `held`, else on its own."""
        held = held or self.here
        self.order = [self.names.index(name) for name in order if name in self.names] or list(range(len(self.names)))
        rows = [row for page in self.pages.values() for row in page]
        self.shapes = shapes(self.names, rows, self.shapes, self.sort, self.exact)
        names = [self.names[place] for place in self.order]
        self.column = names.index(held) if held in names else min(self.column, max(0, len(names) - 1))
        self.fit()

    def fit(self) -> None:
        """Lay the columns out anew."""
        room = max(10, self.scrollable_content_region.width - 1)
        of = [self.shapes[place] for place in self.order]
        self.first, self.shown = layout(of, self.column, self.first, room) if of else (0, [])
        self.refresh()
        self._laid()

    @property
    def here(self) -> str:
        """The name of the column under the cursor."""
        return self.names[self.order[self.column]] if self.column < len(self.order) else ""

    @property
    def row(self) -> dict[str, Any]:
        """The row under the cursor, by names; of names that are there twice the last."""
        found = self.at(self.cursor)
        return dict(zip(self.names, found, strict=True)) if found else {}

    @property
    def cell(self) -> Any:
        found = self.at(self.cursor)
        return found[self.order[self.column]] if found and self.order else None

    def at(self, index: int) -> tuple[Any, ...] | None:
        page, place = divmod(index, PAGE)
        rows = self.pages.get(page)
        return rows[place] if rows and place < len(rows) else None

    def move(self, where: str) -> None:
        by = {"left": -1, "right": 1}.get(where)
        if by is None:
            return super().move(where)
        self.to_column(self.column + by)

    def to_column(self, place: int) -> None:
        self.column = max(0, min(place, len(self.order) - 1))
        end = self.first + len(self.shown)
        if not self.first <= self.column < end or self.column == end - 1:
            self.fit()
        self.refresh_line(self.cursor)
        self.moved()

    def on_click(self, event: events.Click) -> None:
        edge = 1
        for place, shape in enumerate(self.shown, self.first):
            edge += shape.width + GAP
            if event.x < edge:
                self.to_column(place)
                break

    def on_resize(self) -> None:
        self.fit()
        self.scroll_to_cursor()

    def header(self) -> Text:
        """The names of the columns, that of the cursor and that of the order marked."""
        colours = theme.palette(self.app.current_theme.dark)
        line = Text(no_wrap=True)
        for place, shape in enumerate(self.shown, self.first):
            arrow = {shape.name: " ↑", f"-{shape.name}": " ↓"}.get(self.sort, "")
            style = f"bold {colours.accent}" if place == self.column else colours.muted
            line.append(shape.fitted(plain(shape.name) + arrow), style).append(" " * GAP)
        return line

    def _row(self, index: int, width: int) -> Text:
        row = self.at(index)
        if row is None:
            self._want(index // PAGE * PAGE)
            return Text("…")
        muted = theme.palette(self.app.current_theme.dark).muted
        line = Text(no_wrap=True)
        for place, shape in enumerate(self.shown, self.first):
            text = shape.text(row[self.order[place]])
            here = index == self.cursor and place == self.column
            line.append(shape.fitted(text), "reverse" if here else muted if text == NONE else "")
            line.append(" " * GAP)
        return line


class Header(Note):
    """Above the grid, in line with it."""

    DEFAULT_CSS = "Header { height: 1; padding: 0 0 0 1; } Header.-empty { display: block; }"
