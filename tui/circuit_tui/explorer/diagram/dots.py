"""Edges as curves of braille dots, two by four in a cell: they leave a node upwards and enter the next from below.

Where several share a cell, all dots are seen, in the look of the last.
"""

from collections.abc import Iterator

Cells = dict[tuple[int, int], tuple[int, str]]
"""(row, column) -> dots, and the look of the edge that was drawn last."""
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
"""Bits of a cell's dots, by column and row."""
_POINTS = 14
"""Of a curve, that straight lines join."""
_DASH = 3
"""Dots of a dash, and of the gap after it."""
_BENDS = [
    ((1 - t) ** 3 + 3 * (1 - t) ** 2 * t, 3 * (1 - t) ** 2 * t, 3 * (1 - t) * t**2)
    for t in (i / _POINTS for i in range(1, _POINTS + 1))
]
"""Of each point of a cubic curve: the share of its start, and how far the bends at start and end pull."""


def character(bits: int) -> str:
    return chr(0x2800 + bits)


def edge(
    cells: Cells, start: tuple[int, int], end: tuple[int, int], look: str, heavy: bool = False, dashed: bool = False
) -> None:
    """Draw from the row above a node to the row below another, which stands higher.

    Args:
        start, end: (row, column) of the nodes' middles.
    """
    x, y = 2 * start[1], 4 * start[0] - 1
    to_x, to_y = 2 * end[1], min(4 * end[0] + 4, y)
    for i, (at_x, at_y) in enumerate(_curve(x, y, to_x, to_y)):
        if dashed and i // _DASH % 2:
            continue
        _dot(cells, at_x, at_y, look)
        if heavy:
            _dot(cells, at_x + 1, at_y, look)
            if at_y > to_y:
                _dot(cells, at_x, at_y - 1, look)


def _curve(x: int, y: int, to_x: int, to_y: int) -> Iterator[tuple[int, int]]:
    """The dots from one place to another, each next to the one before."""
    rise = max((y - to_y) / 2, 1.0) if y > to_y else 0.0
    at_x, at_y = x, y
    yield x, y
    for start, out, into in _BENDS:
        next_x = round(start * x + (1 - start) * to_x)
        next_y = round(start * y + (1 - start) * to_y - out * rise + into * rise)
        steps = max(abs(next_x - at_x), abs(next_y - at_y))
        for i in range(1, steps + 1):
            yield at_x + (next_x - at_x) * i // steps, at_y + (next_y - at_y) * i // steps
        at_x, at_y = next_x, next_y


def _dot(cells: Cells, x: int, y: int, look: str) -> None:
    at = y // 4, x // 2
    before = cells.get(at)
    cells[at] = (_DOTS[x % 2][y % 4] | (before[0] if before else 0), look)
