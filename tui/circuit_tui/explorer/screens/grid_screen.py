"""A full screen whose parts stand in a grid, that in focus larger where they are small. Where there is no room for it,
or when asked, one of them has the whole screen.
"""

from typing import ClassVar

from textual import on
from textual.events import DescendantFocus

from circuit_tui.explorer.screens.follower import Panes
from circuit_tui.explorer.screens.full_screen import FullScreen, Part

_ROOM = 100, 32
"""Columns and lines from which on all parts are shown at once."""
_WIDE = 160
"""Columns from which on three stand side by side, all of one size."""


class GridScreen(FullScreen):
    PARTS: ClassVar[tuple[str, ...]]
    """Ids of the parts, row by row."""
    DEFAULT_CSS = """
    GridScreen #parts { layout: grid; grid-gutter: 0 1; }
    GridScreen.-single #parts { layout: vertical; }
    GridScreen.-single Part { display: none; }
    GridScreen.-single Part.-current { display: block; }
    """

    def __init__(self, main: Panes):
        super().__init__(main)
        self.current = self.PARTS[0]
        self.zoomed = False

    def on_mount(self) -> None:
        super().on_mount()
        self.show_part(self.current)

    def show_part(self, name: str) -> None:
        self.current = name
        for part in self.query(Part):
            part.set_class(part.id == name, "-current")
        self._arrange()
        super().show_part(name)

    @on(DescendantFocus)
    def _focused(self) -> None:
        """A click went to another part."""
        if self.part and self.part != self.current:
            self.show_part(self.part)

    def on_resize(self) -> None:
        self._arrange()
        super().on_resize()

    def _arrange(self) -> None:
        """All parts side by side, that in focus larger where they are small; or one at a time."""
        single = self.zoomed or self.size.width < _ROOM[0] or self.size.height < _ROOM[1]
        self.set_class(single, "-single")
        across, larger = (3, 1) if self.size.width >= _WIDE else (2, 2)
        row, column = divmod(self.PARTS.index(self.current), across)
        grid = self.query_one("#parts").styles
        grid.grid_size_columns, grid.grid_size_rows = across, len(self.PARTS) // across
        grid.grid_columns, grid.grid_rows = (
            " ".join(f"{larger if place == here else 1}fr" for place in range(count))
            for here, count in ((column, across), (row, len(self.PARTS) // across))
        )

    def action_zoom(self, closer: bool) -> None:
        self.zoomed = closer
        self._arrange()
        self.call_after_refresh(self.draw)
