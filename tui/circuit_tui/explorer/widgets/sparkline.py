"""Values over training in one line of blocks, on the axis that the plots and the line of checkpoints have.

A block stands for the checkpoint at its place, or for the last one before; what is negative hangs from the top. Where a
checkpoint is bad or unread the line has its mark, and a gap up to the next one.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from rich.style import Style
from rich.text import Text

from circuit_store import queries
from circuit_tui.explorer.widgets.axis import Axis
from circuit_tui.explorer.widgets.notation import STATUS_MARKS, finite

BLOCKS = "▁▁▂▃▄▅▆▇█"
"""By eighths; of nothing there is the line on which the others stand."""
HERE = "▼"
"""Above the place of the current checkpoint."""


@dataclass(frozen=True)
class Cell:
    step: int | None
    """The checkpoint that is shown; None in a gap."""
    mark: str = ""
    """Of a checkpoint that trends skip, and that has its place here."""


class Line:
    """The checkpoints of a model on a line of some columns."""

    def __init__(self, checkpoints: Iterable[queries.CheckpointRow], width: int):
        known = list(checkpoints)
        self._axis, self._width = Axis((c.step, c.tokens) for c in known), width
        self.unit = self._axis.unit
        self.cells = self._filled(known)

    def place(self, step: int) -> int:
        return round(self._axis.at(step) * (self._width - 1))

    def _filled(self, checkpoints: list[queries.CheckpointRow]) -> list[Cell]:
        placed: dict[int, Cell] = {}
        for at in checkpoints:
            mark = STATUS_MARKS.get(at.status or "", "")
            before = placed.get(self.place(at.step))
            if not mark or before is None or before.mark:
                placed[self.place(at.step)] = Cell(None if mark and mark != "=" else at.step, mark)
        cells, held = list[Cell](), Cell(None)
        for column in range(self._width):
            here = placed.get(column)
            cells.append(here or held)
            held = Cell(here.step) if here else held
        return cells

    def here(self, step: int | None) -> Text:
        """What stands above the line: where the current checkpoint is."""
        place = self.place(step or 0)
        return Text(" " * place + HERE + " " * (self._width - place - 1))

    def draw(self, value: Callable[[int], Text], muted: str) -> Text:
        """`value` gives what stands for a checkpoint, one column."""
        line = Text()
        for cell in self.cells:
            if cell.mark:
                line.append(cell.mark, muted)
            else:
                line.append_text(Text(" ") if cell.step is None else value(cell.step))
        return line


class Lines:
    """Of the checkpoints that are kept, a line of each length that is asked for."""

    def __init__(self) -> None:
        self._checkpoints: list[queries.CheckpointRow] = []
        self._of: dict[int, Line] = {}
        self.tokens: dict[int, int | None] = {}
        """Of each checkpoint."""

    def keep(self, checkpoints: list[queries.CheckpointRow]) -> None:
        if checkpoints is not self._checkpoints:
            self._checkpoints = checkpoints
            self._of.clear()
            self.tokens = {c.step: c.tokens for c in checkpoints}

    def of(self, width: int) -> Line:
        if width not in self._of:
            self._of[width] = Line(self._checkpoints, width)
        return self._of[width]


def blocks(values: Mapping[int, float | None], ink: str, tier: int = 0, tiers: int = 1) -> Callable[[int], Text]:
    """Blocks of the values at checkpoints, of which 1 is a whole one; a space where there is none.

    Args:
        tier: of so many lines of blocks above each other, that which is drawn, from the lowest, 0.
    """

    def block(step: int) -> Text:
        value = finite(values.get(step))
        if value is None:
            return Text(" ")
        eighths = round(8 * tiers * min(1.0, abs(value)))
        if value < 0 and eighths:
            hanging = min(8, max(0, eighths - 8 * (tiers - 1 - tier)))
            return Text(" ▁▂▃▄▅▆▇█"[8 - hanging], Style(color=ink, reverse=True)) if hanging else Text(" ")
        standing = min(8, max(0, eighths - 8 * tier))
        return Text(BLOCKS[standing] if standing or not tier else " ", ink)

    return block
