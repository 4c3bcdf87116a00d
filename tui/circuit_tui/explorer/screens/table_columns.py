"""Which columns of a table are shown, and in which order."""

from collections.abc import Sequence

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen

from circuit_tui.explorer import theme
from circuit_tui.explorer.widgets.cursor_lines import Lines
from circuit_tui.explorer.widgets.notation import plain

_KEYS = "space shows or hides   J K move   0 all   enter takes   esc leaves it"


class Columns(ModalScreen[list[str]]):
    """Gives the columns that are to be shown, in their order; None if nothing is to change.

    Args:
        columns: all of them, each with what it means.
        shown: those that are shown now.
    """

    BINDINGS = [
        ("enter", "take", "Take"),
        ("escape,q,backspace", "dismiss", "Leave"),
        ("space", "mark", "Show"),
        ("J", "carry(1)", "Down"),
        ("K", "carry(-1)", "Up"),
        ("0", "all", "All"),
        ("j,down", "move('down')", "Down"),
        ("k,up", "move('up')", "Up"),
        ("g,home", "move('first')", "First"),
        ("G,end", "move('last')", "Last"),
    ]
    DEFAULT_CSS = """
    Columns { align: center middle; }
    Columns > Vertical {
        width: 90%; max-width: 100; height: auto; max-height: 90%; background: $panel; padding: 0 1;
        border-top: solid $accent; border-title-color: $accent;
    }
    Columns Lines { height: auto; max-height: 100%; background: $panel; }
    """

    def __init__(self, columns: dict[str, str], shown: Sequence[str]):
        super().__init__()
        self._meaning = columns
        self._order = [*shown, *(name for name in columns if name not in shown)]
        self._shown = set(shown)

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = f"Columns   {_KEYS}"
            yield Lines(self._line, lambda: None)

    def on_mount(self) -> None:
        self._draw(0)

    @property
    def _lines(self) -> Lines:
        return self.query_one(Lines)

    def _draw(self, cursor: int) -> None:
        self._lines.show(len(self._order), cursor)
        self._lines.styles.height = len(self._order)

    def _line(self, index: int, width: int) -> Text:
        name = self._order[index]
        muted = theme.palette(self.app.current_theme.dark).muted
        line = Text(f"[{'x' if name in self._shown else ' '}] {plain(name):<20} ", no_wrap=True)
        line.append(self._meaning[name].split(";")[0], muted)
        line.truncate(width, overflow="ellipsis")
        return line

    def action_move(self, where: str) -> None:
        self._lines.move(where)

    def action_mark(self) -> None:
        self._shown ^= {self._order[self._lines.cursor]}
        self._draw(self._lines.cursor)

    def action_carry(self, by: int) -> None:
        here = self._lines.cursor
        there = max(0, min(here + by, len(self._order) - 1))
        self._order.insert(there, self._order.pop(here))
        self._draw(there)

    def action_all(self) -> None:
        self._order, self._shown = list(self._meaning), set(self._meaning)
        self._draw(0)

    def action_take(self) -> None:
        self.dismiss([name for name in self._order if name in self._shown] or list(self._meaning))
