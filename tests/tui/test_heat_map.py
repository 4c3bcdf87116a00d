"""The heat map by itself, in sizes of real models: headers and labels never fuse, and the head chosen is in view."""

import re

import pytest
from textual.app import App, ComposeResult

from circuit_tui.explorer.widgets.heat_map import HeatMap


class Alone(App[None]):
    def __init__(self, layers: int, heads: int):
        super().__init__()
        self.values: list[list[float | None]] = [
            [(layer * heads + head) / (layers * heads) for head in range(heads)] for layer in range(layers)
        ]

    def compose(self) -> ComposeResult:
        yield HeatMap(lambda: None)

    def lines(self) -> list[str]:
        return [strip.text.rstrip() for strip in self.screen._compositor.render_strips()]


SHAPES = [(6, 8), (12, 12), (24, 16), (30, 9), (32, 32), (120, 40)]


@pytest.mark.parametrize(("layers", "heads"), SHAPES)
@pytest.mark.parametrize("columns", [30, 40, 60, 80, 120, 200])
async def test_names_of_heads_and_layers_stand_apart_over_and_beside_their_cells(layers, heads, columns):
    """Invariant: each name in the header stands where its head's cells begin, or over their middle, and is its own."""
    app = Alone(layers, heads)
    async with app.run_test(size=(columns, 24)) as pilot:
        grid = app.query_one(HeatMap)
        grid.paint(app.values, (), (0, 0), "")
        await pilot.pause()
        header, *rows = app.lines()
        width, first = grid.cell[0], grid._first()
        for name in re.finditer(r"h?(\d+)", header):
            start = grid.label + (int(name[1]) - first) * width
            assert start <= name.start() < start + width or int(name[1]) >= heads - 1
        shown = [int(name) for name in re.findall(r"\d+", header)]
        assert shown == sorted(set(shown)) and set(shown) <= set(range(heads)) and len(shown) > 1
        named = [row for row in rows if row.startswith(" L")]
        assert named and all(re.match(r" L\d+ ", row) for row in named)


@pytest.mark.parametrize(("layers", "heads"), SHAPES)
async def test_the_chosen_head_is_in_view_from_the_start_and_after_a_resize(layers, heads):
    app = Alone(layers, heads)
    async with app.run_test(size=(120, 40)) as pilot:
        grid = app.query_one(HeatMap)
        grid.paint(app.values, (), (layers - 1, heads - 1), "")
        for size in ((120, 40), (60, 15), (80, 24), (40, 12), (200, 60), (30, 10)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
            assert any(row.startswith(f" L{layers - 1} ") for row in app.lines()), size
            assert grid._first() + (grid.scrollable_content_region.width - grid.label) // grid.cell[0] >= heads
