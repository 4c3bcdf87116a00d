"""A page over the panes that follows the selection: it is written anew whenever that or the store changes."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from sqlite3 import Connection
from textwrap import fill
from typing import Any, Protocol

from rich.text import Text
from textual.containers import VerticalScroll
from textual.content import Content

from circuit_tui.explorer import bindings, theme
from circuit_tui.explorer.reading import Reader
from circuit_tui.explorer.screens.text import TextScreen
from circuit_tui.explorer.state import Selection, ViewState
from circuit_tui.explorer.widgets.live_text import Note
from circuit_tui.explorer.widgets.notation import plain

WIDTH = 64
"""Columns of a page's lines: they fit where the terminal has 80."""


class Panes(Protocol):
    """What the screens over the panes know of them: what is looked at, of which store, and how to choose anew."""

    store: Path
    reader: Reader
    look: ViewState | None

    @property
    def program(self) -> str:
        """The command with the store, as it is typed."""
        ...

    @property
    def stopped(self) -> bool:
        """Whether something waits to be computed that nobody computes."""
        ...

    def export(self, views: dict[str, dict[str, Any]]) -> None: ...
    def choose(self, **changes: Any) -> None: ...
    def action_step(self, by: int) -> None: ...
    def say(self, text: str) -> None: ...


class Page(TextScreen):
    """Subclasses read in a thread what they write, in lines of at most `WIDTH` columns, and say of which views."""

    BINDINGS = bindings.named("export")

    def __init__(self, main: Panes):
        super().__init__("", Text())
        self.main = main
        self._asked: tuple[Any, ...] = ()
        self._found: tuple[Selection, Any] | None = None
        """What was read last, and of which selection."""

    def on_mount(self) -> None:
        self.follow()

    def on_unmount(self) -> None:
        self.main.reader.leave(self)

    def follow(self) -> None:
        """Show what the main screen shows now; nothing is read or drawn where nothing has changed.

        A page that is still opening, or closing already, has no place to write on: it is told when it stands.
        """
        if not self.query(Note) or not self.is_attached:
            return
        look = self.main.look
        if look is None:
            self.main.reader.drop(self)
            self._asked, self._found = (), None
            return self._put("", Text("There is no store to look at."))
        asked = (look.version, *self.needs(look.at))
        if asked != self._asked:
            self._asked = asked
            self.main.reader.ask(self, self.read(look.at), partial(self._answered, look.at))
        elif self._found:
            self.show()

    def _answered(self, at: Selection, found: Any) -> None:
        self._found = (at, found)
        self.show()

    def show(self) -> None:
        """Write what was read last."""
        if self._found and self.query(Note):
            at, found = self._found
            self._put(self.heading(at), self.write(at, found))

    def _put(self, heading: str, text: Text) -> None:
        self.query_one(VerticalScroll).border_title = Content(f"{heading}   esc closes")
        self._text = text
        self.query_one(Note).say(text)

    def needs(self, at: Selection) -> tuple[Any, ...]:
        """What the page is read anew for, besides changes of the store."""
        return at.model, at.step, at.task

    def read(self, at: Selection) -> Callable[[Connection], Any]:
        """The question, which is put in a thread: it takes with it what it needs."""
        raise NotImplementedError

    def heading(self, at: Selection) -> str:
        raise NotImplementedError

    def write(self, at: Selection, found: Any) -> Text:
        """`found`: the answer to `read`."""
        raise NotImplementedError

    def views(self, at: Selection) -> dict[str, dict[str, Any]]:
        """View -> how it is narrowed to what is shown."""
        raise NotImplementedError

    def action_export(self) -> None:
        look = self.main.look
        views = self.views(look.at) if look and look.at.model else {}
        if not look or not views:
            return self.main.say("There is nothing to export here yet.")
        self.main.export(views)

    def topic(self, what: str, unit: str = "") -> Text:
        """The line above a part of the page."""
        return Text(what, f"bold {self.colours.accent}").append(f"   {unit}\n", self.colours.muted)

    @property
    def colours(self) -> theme.Palette:
        return theme.palette(self.app.current_theme.dark)


def words(name: str) -> str:
    """A name of the store in words: `name_mover` is name mover."""
    return plain(name).replace("s_inhibition", "S-inhibition").replace("_", " ")


def wrapped(text: str, indent: int = 2) -> str:
    """A sentence or a list as indented lines."""
    return fill(text, WIDTH, initial_indent=" " * indent, subsequent_indent=" " * indent) + "\n"


def cut(text: str, width: int) -> Text:
    """A cell of a table, of exactly that width on the screen."""
    line = Text(text)
    line.truncate(width, overflow="ellipsis", pad=True)
    return line
