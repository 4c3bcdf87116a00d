"""A canvas of braille dots, two by four in a cell: lines and bands of dots, and characters over them.

Places lie between 0 and 1, from the left and from the bottom; what lies outside is not drawn.
"""

from collections.abc import Iterable, Sequence

Place = tuple[float, float]
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
"""Bits of a cell's dots, by column and row."""
_EMPTY = 0x2800
_DOTTED = 3
"""Of a dotted line, one of so many dots."""


class Canvas:
    def __init__(self, width: int, height: int):
        self.width, self.height = width, height
        self._dots: dict[tuple[int, int], tuple[int, str]] = {}
        self._ground: dict[tuple[int, int], tuple[int, str]] = {}
        """Bands: seen where no line is."""
        self.marks: dict[tuple[int, int], tuple[str, str]] = {}
        """(row, column) -> character and colour."""

    def column(self, x: float) -> int:
        return self._across(x) // 2

    def row(self, y: float) -> int:
        return self._down(y) // 4

    def line(self, points: Sequence[Place], colour: str, dotted: bool = False) -> None:
        """Through the points, from the first to the last."""
        places = [(self._across(x), self._down(y)) for x, y in points]
        for (x, y), (to_x, to_y) in zip(places, places[1:], strict=False):
            if max(x, to_x) < 0 or min(x, to_x) >= 2 * self.width:
                continue
            steps = max(abs(to_x - x), abs(to_y - y), 1)
            for i in range(0, steps + 1, _DOTTED if dotted else 1):
                self._dot(self._dots, x + (to_x - x) * i // steps, y + (to_y - y) * i // steps, colour)

    def band(self, edges: Sequence[tuple[float, float, float]], colour: str) -> None:
        """Sparse dots between two lines, of (x, lower, upper)."""
        for (x, low, high), (to_x, to_low, to_high) in zip(edges, edges[1:], strict=False):
            start, end = self._across(x), self._across(to_x)
            for across in range(max(start, 0), min(end, 2 * self.width - 1) + 1):
                share = (across - start) / (end - start) if end > start else 0.0
                top, bottom = self._down(high + share * (to_high - high)), self._down(low + share * (to_low - low))
                for down in range(top, bottom + 1):
                    if (across + 2 * down) % 4 == 0:
                        self._dot(self._ground, across, down, colour)

    def mark(self, x: float, y: float, character: str, colour: str) -> None:
        row, column = self.row(y), self.column(x)
        if self._inside(row, column):
            self.marks[row, column] = character, colour

    def cells(self, row: int) -> Iterable[tuple[str, str]]:
        """Character and colour of each cell of a row; of an empty one no colour."""
        for column in range(self.width):
            at = row, column
            if at in self.marks:
                yield self.marks[at]
            else:
                bits, colour = self._dots.get(at) or self._ground.get(at) or (0, "")
                yield (chr(_EMPTY + bits) if bits else " "), colour

    def _across(self, x: float) -> int:
        return round(x * (2 * self.width - 1))

    def _down(self, y: float) -> int:
        return round((1 - y) * (4 * self.height - 1))

    def _inside(self, row: int, column: int) -> bool:
        return 0 <= row < self.height and 0 <= column < self.width

    def _dot(self, layer: dict[tuple[int, int], tuple[int, str]], across: int, down: int, colour: str) -> None:
        at = down // 4, across // 2
        if self._inside(*at):
            bits, _ = layer.get(at, (0, ""))
            layer[at] = bits | _DOTS[across % 2][down % 4], colour
