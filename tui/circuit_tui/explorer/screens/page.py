"""A page over the panes that follows the selection: it is written anew whenever that or the store changes."""

from pathlib import Path
from textwrap import fill
from typing import Any, Protocol

from rich.text import Text
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from circuit_tui.explorer import bindings, theme
from circuit_tui.explorer.screens.text import TextScreen
from circuit_tui.explorer.state import Selection, ViewState
from circuit_tui.explorer.widgets.notation import plain

WIDTH = 64
"""Columns of a page's lines: they fit where the terminal has 80."""


class Panes(Protocol):
    """What the screens over the panes know of them: what is looked at, of which store, and how to choose anew."""

    store: Path
    look: ViewState | None

    @property
    def program(self) -> str:
        """The command with the store, as it is typed."""
        ...

    @property
    def stopped(self) -> bool:
        """Whether something waits to be computed that nobody computes."""
        ...

    def export(self, look: ViewState, view: str, filters: dict[str, Any]) -> None: ...
    def choose(self, **changes: Any) -> None: ...
    def action_step(self, by: int) -> None: ...
    def say(self, text: str) -> None: ...


class Page(TextScreen):
    """Subclasses write what they show, in lines of at most `WIDTH` columns, and say of which views."""

    BINDINGS = bindings.named("export")

    def __init__(self, main: Panes):
        super().__init__("", Text())
        self.main = main

    def on_mount(self) -> None:
        self.follow()

    def follow(self) -> None:
        """Show what the main screen shows now; nothing is drawn where nothing has changed.

        A page that is still opening, or closing already, has no place to write on: it is told when it stands.
        """
        if not self.query(Static):
            return
        look = self.main.look
        heading, text = "", Text("There is no store to look at.")
        if look:
            heading, text = self.heading(look), self.write(look)
        self.query_one(VerticalScroll).border_title = Content(f"{heading}   esc closes")
        if text != self._text:
            self._text = text
            self.query_one(Static).update(text)

    def heading(self, look: ViewState) -> str:
        raise NotImplementedError

    def write(self, look: ViewState) -> Text:
        raise NotImplementedError

    def views(self, at: Selection) -> dict[str, dict[str, Any]]:
        """View -> how it is narrowed to what is shown."""
        raise NotImplementedError

    def action_export(self) -> None:
        look = self.main.look
        views = self.views(look.at) if look and look.at.model else {}
        if not look or not views:
            return self.main.say("There is nothing to export here yet.")
        for view, filters in views.items():
            self.main.export(look, view, filters)

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
