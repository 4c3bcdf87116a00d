"""The last thing between a text and the terminal: whatever a widget draws, no character of it steers the terminal.

Panes show what others wrote through `notation.plain`, so that it also keeps its line and its place; this is for the
rest: messages of errors, what a user pastes into the filter, the widgets of libraries.
"""

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from circuit_store.display_text import UNREADABLE, steers


class Sanitizer(LineFilter):
    """As wide as what it replaces, so that nothing moves."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [part if part.text.isprintable() else _harmless(part) for part in segments]


def _harmless(part: Segment) -> Segment:
    text = "".join(UNREADABLE * cell_len(c) if steers(c) else c for c in part.text)
    return Segment(set_cell_size(text, part.cell_length), part.style)
