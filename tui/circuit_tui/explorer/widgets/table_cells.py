"""How the cells of a table are written: widths that fit what is seen, numbers of a column with the same decimals."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from statistics import median
from typing import Any

from rich.cells import cell_len, set_cell_size

from circuit_store.display_text import cell
from circuit_tui.explorer.widgets.notation import digits_for, plain

NONE = "–"
"""Not computed, or undefined."""
_WIDEST = 28
"""Cells that a column of text takes, if others need the room."""
_MOST_DECIMALS = 5
GAP = 2


@dataclass(frozen=True)
class Shape:
    """How a column is written."""

    name: str
    number: bool
    decimals: int | None = 0
    """Of numbers with a point; None: as many as each has."""
    width: int = 0
    wish: int = 0
    """What the longest text that was seen would need."""

    def text(self, value: Any) -> str:
        """In one harmless line."""
        if value is None:
            return NONE
        if isinstance(value, float) and isfinite(value):
            return _decimal(value, self.decimals) if self.decimals is not None else f"{value:.6g}".replace("-", "−")
        return plain(cell(value)).replace("-", "−", isinstance(value, int | float))

    def fitted(self, text: str) -> str:
        """Of exactly its width on the screen; numbers stand at the right."""
        room = cell_len(text)
        if room > self.width:
            return set_cell_size(text, self.width - 1) + "…"
        return " " * (self.width - room) + text if self.number else text + " " * (self.width - room)


def _decimal(value: float, decimals: int) -> str:
    """With a true minus sign; what would be written as zero and is none gets a power of ten."""
    text = f"{value:z.{decimals}f}"
    if value and not text.strip("-0."):
        text = f"{value:.0e}".replace("e-0", "e-")
    return text.replace("-", "−")


def shapes(
    names: Sequence[str],
    rows: Iterable[Sequence[Any]],
    before: Sequence[Shape] = (),
    sort: str = "",
    exact: bool = False,
) -> list[Shape]:
    """Of rows that were read.

    Args:
        before: of others of the same table, with which they stand.
        exact: numbers are written as they are.
    """
    columns = list(zip(*rows, strict=True)) or [()] * len(names)
    known = before or [Shape(name, True, None if exact else 0) for name in names]
    return [_shape(of, name, column, sort) for of, name, column in zip(known, names, columns, strict=True)]


def _shape(before: Shape, name: str, column: Sequence[Any], sort: str) -> Shape:
    values = [value for value in column if value is not None]
    number = before.number and all(isinstance(value, int | float) for value in values)
    shape = replace(before, number=number)
    if before.decimals is not None and number:
        shape = replace(shape, decimals=max(before.decimals, _decimals(values)))
    head = cell_len(plain(name)) + 2 * (sort.removeprefix("-") == name)
    wish = max([head, before.wish, *(cell_len(shape.text(value)) for value in set(column))])
    return replace(shape, wish=wish, width=wish if number else min(wish, max(head, _WIDEST)))


def _decimals(values: Sequence[Any]) -> int:
    """For three figures of the largest (three decimals of shares), and two of most; no more than they have."""
    sizes = [abs(value) for value in values if isinstance(value, float) and value and isfinite(value)]
    if not sizes:
        return 0
    largest = max(sizes)
    wanted = max(3 if largest <= 1 else digits_for(largest), digits_for(median(sizes)) - 1)
    return min(_MOST_DECIMALS, wanted, max(map(_has_decimals, sizes)))


def _has_decimals(value: float) -> int:
    return len(f"{value:.{_MOST_DECIMALS}f}".rstrip("0").split(".")[1])


def layout(shapes: Sequence[Shape], cursor: int, first: int, room: int) -> tuple[int, list[Shape]]:
    """The columns that have room side by side, with the one of the cursor among them: where they begin, and they.

    What is left of the room is for texts that were cut.
    """
    first = min(first, cursor)
    while first < cursor and sum(shape.width + GAP for shape in shapes[first : cursor + 1]) - GAP > room:
        first += 1
    shown, left = list[Shape](), room + GAP
    for shape in shapes[first:]:
        if shown and shape.width + GAP > left:
            break
        shown.append(replace(shape, width=max(1, min(shape.width, left - GAP))))
        left -= shown[-1].width + GAP
    for place, shape in enumerate(shown):
        more = min(left, shape.wish - shape.width)
        shown[place], left = replace(shape, width=shape.width + more), left - more
    return first, shown
