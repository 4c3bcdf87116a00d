"""What the screens over the panes have in common: they follow one selection, and are drawn anew when it or the store
changes. Nothing is read where nothing has changed; an answer that came too late is dropped.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from sqlite3 import Connection
from typing import Any, Protocol

from textual.screen import Screen

from circuit_tui.explorer import theme
from circuit_tui.explorer.reading import Reader
from circuit_tui.explorer.state import Selection, ViewState


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
    def action_play(self) -> None: ...
    def action_event(self, by: int) -> None: ...
    def action_role(self, by: int) -> None: ...
    def action_task(self) -> None: ...
    def action_model(self, by: int) -> None: ...
    def action_history(self, by: int) -> None: ...
    def explain(self, analysis: str | None) -> None: ...
    def copy(self, text: str) -> None: ...
    def say(self, text: str) -> None: ...


class Follower(Screen[None]):
    """Subclasses read in a thread what they show (`read`), put it on the screen (`show`), and name its views."""

    main: Panes
    _asked: tuple[Any, ...] = ()
    _found: tuple[Selection, Any] | None = None
    """What was read last, and of which selection."""

    def on_unmount(self) -> None:
        self.main.reader.leave(self)

    def follow(self) -> None:
        """Show what the main screen shows now.

        A screen that is still opening, or closing already, has no place to write on: it is told when it stands.
        """
        if not self.stands:
            return
        look = self.main.look
        if look is None:
            self.main.reader.drop(self)
            self._asked, self._found = (), None
            return self.vacant("There is no store to look at.")
        asked = (look.version, *self.needs(look.at))
        if asked != self._asked:
            self._asked = asked
            self.main.reader.ask(self, self.read(look.at), partial(self._answered, look.at))
        elif self._found:
            self.point()

    def _answered(self, at: Selection, found: Any) -> None:
        self._found = (at, found)
        self.draw()

    def point(self) -> None:
        """Only what is not read for has changed of the selection."""
        self.draw()

    def draw(self) -> None:
        """Show what was read last."""
        if self._found and self.stands:
            self.show(*self._found)

    @property
    def stands(self) -> bool:
        """Whether there is something to write on."""
        return self.is_attached

    def needs(self, at: Selection) -> tuple[Any, ...]:
        """What is read anew for, besides changes of the store."""
        return at.model, at.step, at.task

    def read(self, at: Selection) -> Callable[[Connection], Any]:
        """The question, which is put in a thread: it takes with it what it needs."""
        raise NotImplementedError

    def show(self, at: Selection, found: Any) -> None:
        """`found`: the answer to `read`."""
        raise NotImplementedError

    def vacant(self, reason: str) -> None:
        """Say why there is nothing to show."""
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

    @property
    def colours(self) -> theme.Palette:
        return theme.palette(self.app.current_theme.dark)
