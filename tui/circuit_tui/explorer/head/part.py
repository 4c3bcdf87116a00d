"""What the parts of the head screen have in common: lines under a title that says what they are of."""

from collections.abc import Callable
from typing import Any, ClassVar

from rich.text import Text
from textual.app import ComposeResult

from circuit_tui.explorer import theme
from circuit_tui.explorer.one_head import OneHead
from circuit_tui.explorer.screens.full_screen import Part
from circuit_tui.explorer.state import Selection, ViewState
from circuit_tui.explorer.widgets.live_text import ChangedLines, Note
from circuit_tui.explorer.widgets.notation import plain


class HeadPart(Part):
    """Subclasses write a row as a line (`line`), and show what was read of a head (`fill`)."""

    NAME: ClassVar[str]
    """Also its id."""
    ANALYSIS: ClassVar[str]
    """What computed its numbers."""
    GONE_ALONG = False
    """Whether `j` and `k` go along its lines: else they move the head."""

    def __init__(self) -> None:
        super().__init__(id=self.NAME)
        self._of: tuple[Any, ...] = ()
        self._shown: tuple[ViewState, Selection, OneHead, Callable[[str], str]] | None = None

    def compose(self) -> ComposeResult:
        yield ChangedLines(self.line, self.chosen)

    @property
    def body(self) -> ChangedLines:
        return self.query_one(ChangedLines)

    @property
    def width(self) -> int:
        """Columns of a line."""
        return max(20, self.body.size.width - 1)

    @property
    def colours(self) -> theme.Palette:
        return theme.palette(self.app.current_theme.dark)

    def line(self, row: Any, width: int) -> Text:
        raise NotImplementedError

    def chosen(self) -> None:
        """The cursor was moved to a line, there by a click."""

    def show(self, look: ViewState, at: Selection, found: OneHead, command: Callable[[str], str]) -> None:
        """Write what was read at `at`; `command` gives the one that computes an analysis there."""
        self._shown = (look, at, found, command)
        self.fill(*self._shown)
        self._of = (at.model, at.step, at.task, at.head)

    def on_resize(self) -> None:
        """A part that was hidden had no width."""
        if self._shown:
            self.fill(*self._shown)

    def fill(self, look: ViewState, at: Selection, found: OneHead, command: Callable[[str], str]) -> None:
        raise NotImplementedError

    def put(self, title: list[str], rows: list[Any], cursor: int, message: str = "") -> None:
        self.title(*title)
        self.body.update(rows, cursor, message)

    def cursor(self, at: Selection, count: int) -> int:
        """Where the user has put it, as long as the same is shown; else at the top."""
        same = self._of == (at.model, at.step, at.task, at.head)
        return min(self.body.cursor, max(0, count - 1)) if same else 0

    def say(self, which: str, text: Text) -> None:
        """Write the note above the lines (`columns`), or that below them (`detail`)."""
        self.query_one(f".{which}", Note).say(text)

    @property
    def node(self) -> str:
        """What the line under the cursor leads to."""
        return ""

    def copied(self) -> str:
        """The value under the cursor, or the name of what it is of."""
        return ""

    def views(self, at: Selection) -> dict[str, dict[str, Any]]:
        """Those that the part shows, and how they are narrowed."""
        raise NotImplementedError


def here(at: Selection) -> dict[str, Any]:
    """What narrows a view to the checkpoint and the task."""
    return {"model": at.model, "step": at.step, "task": at.task}


def of_head(at: Selection) -> dict[str, Any]:
    return {"layer": at.head[0], "head": at.head[1]} if at.head else {}


def task_of(at: Selection) -> str:
    return plain(at.task or "")
