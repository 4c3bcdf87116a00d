"""What the panes have in common: a title, a place in the layout, and that they follow one selection."""

import sqlite3
from typing import Any, ClassVar, Protocol, cast

from rich.text import Text
from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget

from circuit_tui.explorer import theme
from circuit_tui.explorer.bindings import PANES
from circuit_tui.explorer.state import Selection, ViewState


class _Chooser(Protocol):
    def choose(self, **changes: Any) -> None: ...


class Pane(Vertical):
    """Subclasses read in `load` what they show, show it in `draw`, and say in `needs` when to read again."""

    NAME: ClassVar[str]
    """Also its id."""
    ABOUT: ClassVar[str]
    """What would be here; shown while there is nothing."""
    DEFAULT_CSS = """
    Pane { border-top: solid $rule; border-title-color: $secondary; border-title-style: none; }
    Pane:focus-within, Pane:focus { border-title-color: $accent; border-title-style: bold; }
    """

    look: ViewState | None = None
    _loaded: tuple[Any, ...] = ()

    def __init__(self) -> None:
        super().__init__(id=self.NAME)
        self.title()

    @property
    def body(self) -> Widget:
        """What has the focus."""
        raise NotImplementedError

    @property
    def at(self) -> Selection:
        return self.look.at if self.look else Selection()

    @property
    def colours(self) -> theme.Palette:
        return theme.palette(self.app.current_theme.dark)

    @property
    def view(self) -> str:
        """The view of the store that is shown."""
        return self.NAME

    @property
    def analysis(self) -> str | None:
        """What computed it; None for a table of several."""
        return self.view

    def title(self, *parts: str) -> None:
        """Number and name of the pane, and what it shows now."""
        name = f"{PANES.index(self.NAME) + 1} {self.NAME.capitalize()}"
        title = Content(" · ".join((name, *parts)))
        if title != self.border_title:
            self.border_title = title

    def wish(self, **changes: Any) -> None:
        """Choose something that the other panes shall follow."""
        cast(_Chooser, self.screen).choose(**changes)

    def follow(self, look: ViewState) -> None:
        self.look = look
        needs = (id(look.db), look.version, *self.needs(look.at))
        if needs != self._loaded:
            self.load(look)
            self._loaded = needs
            self.draw()
        else:
            self.point()

    def forget(self, reason: str) -> None:
        """There is no store: say why."""
        self.look, self._loaded = None, ()
        self.title()
        self.vacant(f"{self.ABOUT}\n\n{reason}")

    def needs(self, at: Selection) -> tuple[Any, ...]:
        raise NotImplementedError

    def load(self, look: ViewState) -> None:
        raise NotImplementedError

    def draw(self) -> None:
        raise NotImplementedError

    def point(self) -> None:
        """Only the selection within what is shown has changed."""
        self.draw()

    def vacant(self, reason: str) -> None:
        """Show a message instead of data."""
        raise NotImplementedError

    def filters(self) -> dict[str, Any] | None:
        """How the store's view of this name is narrowed to what is shown; None: there is nothing."""
        raise NotImplementedError

    def listed(self, db: sqlite3.Connection) -> dict[str, Any]:
        """The options of `export` that give what is listed, where a list leaves rows out or orders them otherwise."""
        return {}

    def row(self) -> dict[str, Any] | None:
        """What narrows the view further, to the row under the cursor."""
        raise NotImplementedError

    def value(self) -> str:
        """What `y` copies."""
        raise NotImplementedError

    def dim(self, text: str) -> Text:
        return Text(text, self.colours.muted)
