"""A page of text over the panes that follows the selection: it is written anew whenever that or the store changes."""

from textwrap import fill
from typing import Any

from rich.text import Text
from textual.containers import VerticalScroll
from textual.content import Content

from circuit_store.queue.places import said
from circuit_tui.explorer import bindings
from circuit_tui.explorer.screens.follower import Follower, Panes
from circuit_tui.explorer.screens.text import TextScreen
from circuit_tui.explorer.state import Selection
from circuit_tui.explorer.widgets.live_text import Note
from circuit_tui.explorer.widgets.notation import plain

WIDTH = 64
"""Columns of a page's lines: they fit where the terminal has 80."""


class Page(TextScreen, Follower):
    """Subclasses read in a thread what they write, in lines of at most `WIDTH` columns, and say of which views."""

    BINDINGS = bindings.named("export")

    def __init__(self, main: Panes):
        super().__init__("", Text())
        self.main = main

    def on_mount(self) -> None:
        self.follow()

    @property
    def stands(self) -> bool:
        return self.is_attached and bool(self.query(Note))

    def vacant(self, reason: str) -> None:
        self._put("", Text(reason))

    def show(self, at: Selection, found: Any) -> None:
        self._put(self.heading(at), self.write(at, found))

    def _put(self, heading: str, text: Text) -> None:
        self.query_one(VerticalScroll).border_title = Content(f"{heading}   esc closes")
        self._text = text
        self.query_one(Note).say(text)

    def heading(self, at: Selection) -> str:
        raise NotImplementedError

    def write(self, at: Selection, found: Any) -> Text:
        """`found`: the answer to `read`."""
        raise NotImplementedError

    def missing(self, what: str, command: str) -> Text:
        """That something is not computed, the command that computes it, and whether the checkpoint is queued."""
        look = self.main.look
        place = look.held.places.get(look.at.step) if look and look.at.step is not None else None
        lines = Text(f"{what} not computed here:\n").append(wrapped(command))
        return lines if place is None else lines.append(wrapped(f"The checkpoint {said(place)}."), self.colours.muted)

    def topic(self, what: str, unit: str = "") -> Text:
        """The line above a part of the page."""
        return Text(what, f"bold {self.colours.accent}").append(f"   {unit}\n", self.colours.muted)


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
