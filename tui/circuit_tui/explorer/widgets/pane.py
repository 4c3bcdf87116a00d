"""What the panes have in common: a title, a place in the layout, and that they follow one selection."""

from collections.abc import Callable
from functools import partial
from sqlite3 import Connection
from typing import Any, ClassVar, Protocol, cast

from rich.text import Text
from textual.containers import Vertical
from textual.content import Content
from textual.geometry import Region
from textual.widget import Widget

from circuit_tui.explorer import theme
from circuit_tui.explorer.reading import Reader
from circuit_tui.explorer.state import Selection, ViewState


class _Around(Protocol):
    reader: Reader

    def choose(self, **changes: Any) -> None: ...


class Pane(Vertical):
    """Subclasses read in `read`, in a thread, what they `hold` and show in `draw`; `needs` says when to read again.

    What is shown stays, under its own name, until what is chosen is read.
    """

    NAME: ClassVar[str]
    """Also its id."""
    ABOUT: ClassVar[str]
    """What would be here; shown while there is nothing."""
    DEFAULT_CSS = """
    Pane { border-top: solid $rule; border-title-color: $secondary; border-title-style: none; }
    Pane:focus-within, Pane:focus { border-title-color: $accent; border-title-style: bold; }
    """

    RESTS_ON: ClassVar[tuple[str, ...]] = ()
    """Analyses whose results are shown; what else changes in the store is not read again."""
    look: ViewState | None = None
    """What is shown."""
    _next: ViewState | None = None
    """What is to be shown."""
    _loaded: tuple[Any, ...] = ()
    _asked: tuple[Any, ...] = ()

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
        """The pane's name, and what it shows now."""
        title = Content(" · ".join((self.NAME.capitalize(), *parts)))
        if title != self._border_title:
            self._border_title = title  # the attribute without `_` would draw the whole pane anew
            self.refresh(Region(0, -1, self.size.width, 1))

    def wish(self, **changes: Any) -> None:
        """Choose something that the other panes shall follow."""
        cast(_Around, self.screen).choose(**changes)

    @property
    def reader(self) -> Reader:
        return cast(_Around, self.screen).reader

    def follow(self, look: ViewState) -> None:
        needs = (look.version[0], self.stamp(look), *self.needs(look.at))
        self._next = look
        if needs == self._loaded:
            self.reader.drop(self)
            self.look = look
            self.point()
        elif needs != self._asked or not self.reader.asks(self):
            self._asked = needs
            self.reader.ask(self, self.read(look), partial(self._answered, needs))

    def _answered(self, needs: tuple[Any, ...], found: Any) -> None:
        self.look, self._loaded = self._next, needs
        self.hold(found)
        self.draw()

    def forget(self, reason: str) -> None:
        """There is no store: say why."""
        self.reader.drop(self)
        self.look, self._loaded = None, ()
        self.title()
        self.vacant(f"{self.ABOUT}\n\n{reason}")

    def stopped(self) -> None:
        """The user did not want to wait."""
        self._loaded = ()
        self.vacant("Reading was stopped: r reads again.")

    def stamp(self, look: ViewState) -> Any:
        """Changes with what is shown of the store."""
        return look.held.stamp(self.RESTS_ON)

    def needs(self, at: Selection) -> tuple[Any, ...]:
        raise NotImplementedError

    def read(self, look: ViewState) -> Callable[[Connection], Any]:
        """The question, which is put in a thread: it takes with it what it needs."""
        raise NotImplementedError

    def hold(self, found: Any) -> None:
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

    def listed(self) -> Callable[[Connection], dict[str, Any]]:
        """What finds the options of `export` that give what is listed, where a list leaves rows out or orders them
        otherwise.
        """
        return lambda db: {}

    def row(self) -> dict[str, Any] | None:
        """What narrows the view further, to the row under the cursor."""
        raise NotImplementedError

    def value(self) -> str:
        """What `y` copies."""
        raise NotImplementedError

    def dim(self, text: str) -> Text:
        return Text(text, self.colours.muted)
