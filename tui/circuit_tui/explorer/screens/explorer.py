"""The one screen: five panes that follow one selection, and how they share the terminal."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial, wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Container
from textual.events import DescendantFocus
from textual.reactive import Reactive
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input, Static

from circuit_tui.explorer.bindings import PANES
from circuit_tui.explorer.reading import Reader
from circuit_tui.explorer.screens.follower import Follower
from circuit_tui.explorer.state import Held, Selection, Trail, ViewState, settle, settled
from circuit_tui.explorer.widgets.checkpoints import Checkpoints
from circuit_tui.explorer.widgets.circuit import Circuit
from circuit_tui.explorer.widgets.heads import Heads
from circuit_tui.explorer.widgets.history import History
from circuit_tui.explorer.widgets.key_line import KeyLine
from circuit_tui.explorer.widgets.list_pane import Listing
from circuit_tui.explorer.widgets.models import Models
from circuit_tui.explorer.widgets.pane import Pane
from circuit_tui.explorer.widgets.status import Crumbs, Status
from circuit_tui.explorer.widgets.timeline import Timeline

_SINGLE = ("-narrow", "-low", "-zoomed")
_CHEAP = {"head", "marks"}
"""Choices within what is shown."""
P = ParamSpec("P")
_Screen = TypeVar("_Screen", bound="ExplorerScreen")


def in_turn(act: Callable[Concatenate[_Screen, P], None]) -> Callable[Concatenate[_Screen, P], None]:
    """Of a key that starts from what is shown: while the store is asked what that is, the key waits for its turn."""

    @wraps(act)
    def acted(screen: _Screen, *args: P.args, **kwargs: P.kwargs) -> None:
        if screen.settling:
            screen.later.append(partial(act, screen, *args, **kwargs))
        else:
            act(screen, *args, **kwargs)

    return acted


class _Filter(Input):
    """Gives the focus back at once, so that no key typed after Enter is lost in it."""

    async def action_submit(self) -> None:
        screen = self.screen
        assert isinstance(screen, ExplorerScreen)
        if isinstance(screen.pane, Listing):
            screen.pane.take()
        screen.show_pane(screen.pane_name)


class ExplorerScreen(Screen[None], inherit_bindings=False):
    """`wish` is what the user chose, `look` what is shown of it."""

    HORIZONTAL_BREAKPOINTS = [(0, "-cramped"), (60, "-narrow"), (100, "-normal"), (160, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (15, "-low"), (24, "-tall")]
    focused: Reactive[Widget | None] = Reactive(None, repaint=False)
    """What has the focus shows that itself; Textual's own would draw the whole screen anew."""

    def __init__(self, store: Path, reader: Reader, wish: Selection, pane: str):
        super().__init__()
        self.store, self.reader, self.wish = store, reader, wish
        self.marks = {wish.model: wish.marks}
        """Model -> its marked heads."""
        self.pane_name = pane if pane in PANES else "models"
        self.look: ViewState | None = None
        self.playing = False
        self.trail = Trail()
        self.version = (0, -1)
        """Of the store that is asked; `look` has that of the answer."""
        self.panes: tuple[Pane, ...] = ()
        self._behind = False
        """Whether the panes have not been told what is looked at now."""
        self._left: Selection | None = None
        """What was shown when the user chose something else that is not shown yet."""
        self.later: list[Callable[[], None]] = []
        """What keys have asked for meanwhile; see `in_turn`."""

    def compose(self) -> ComposeResult:
        yield Static("terminal too small (need 60x15)", id="small")
        yield Crumbs()
        with Container(id="panes"):
            self.panes = (Models(), Heads(), Circuit(), Checkpoints(), History())
            yield from self.panes
        yield Timeline()
        yield Status()
        yield _Filter(placeholder="regular expression; ! inverts, -f is fuzzy", id="filter", select_on_focus=False)
        yield KeyLine()

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, lambda _: self.redraw())
        self.show_pane(self.pane_name)

    def of(self, name: str) -> Pane:
        return next(pane for pane in self.panes if pane.NAME == name)

    @property
    def pane(self) -> Pane:
        """The pane that has, or last had, the focus."""
        return self.of(self.pane_name)

    @property
    def heads(self) -> Heads:
        return self.query_one(Heads)

    @property
    def single(self) -> bool:
        return any(self.has_class(name) for name in _SINGLE)

    def reload(self, version: tuple[int, int]) -> None:
        """The store has changed, or is another."""
        self.version = version
        self.settle()

    @property
    def settling(self) -> bool:
        """Whether the store is asked what is there of what the user wishes to see."""
        return self.reader.asks(self)

    def settle(self) -> None:
        self.reader.ask(self, partial(settle, wish=self.wish), partial(self._settled, self.version))

    def _settled(self, version: tuple[int, int], found: tuple[Held, Selection]) -> None:
        self._show(ViewState(found[0], version, found[1]))
        waiting, self.later = self.later, []
        for act in waiting:
            act()

    def _show(self, look: ViewState) -> None:
        self.look = look
        self.follow()
        if self._left:
            self.trail.leave(self._left, look.at)
        self._left = None

    def vacant(self, reason: str) -> None:
        """There is no store to look at."""
        self.look, self.later = None, []
        for pane in self.panes:
            pane.forget(reason)
        self.frame()

    def choose(self, **changes: Any) -> None:
        """Change the selection; every pane follows. What the choice was made by, stays: see `_pinned`.

        The store is asked only where what it holds of the model does not tell what is shown then.
        """
        if self.settling and "model" not in changes:
            self.later.append(partial(self.choose, **changes))
            return
        changes = {**changes, **self._marks_of(changes["model"])} if "model" in changes else changes
        self.wish = replace(self.wish, **self._pinned(changes))
        self.marks[self.wish.model] = self.wish.marks
        self._left = None if self.playing or not self.look else self.look.at
        self.go_to_wish()

    def go_to_wish(self) -> None:
        if self.look is None:
            return
        here, at = self.look.at, settled(self.look.held, self.wish)
        if at == replace(here, head=None, marks=at.marks, baseline=at.baseline):
            at = replace(at, head=here.head)
        if at.model == self.wish.model and (at.head or not at.role) and not self.settling:
            self._show(replace(self.look, at=at))
        else:
            self.settle()

    def stop(self) -> None:
        """Read nothing more of what is being read."""
        askers, self.later, self._left = self.reader.stop(), [], None
        for pane in self.panes:
            if pane in askers:
                pane.stopped()
        self.say("Reading was stopped: r reads again.")

    def _marks_of(self, model: str | None) -> dict[str, Any]:
        """A choice of the heads that are marked in a model."""
        return {"marks": self.marks.get(model, ())}

    def _pinned(self, changes: dict[str, Any]) -> dict[str, Any]:
        """The changes, and what they were made in sight of: the model, and for heads the checkpoint."""
        if self.look is None or "model" in changes:
            return changes
        at = self.look.at
        step = {"step": at.step} if changes.keys() & _CHEAP else {}
        return {"model": at.model, **step, **changes}

    def follow(self) -> None:
        """Panes that are covered are told when they are seen again."""
        assert self.look
        for pane in () if self.covered else self.panes:
            pane.follow(self.look)
        self.frame()

    @property
    def covered(self) -> bool:
        """Whether a page lies over the panes through which nothing is seen of them."""
        return any(screen.styles.background.a == 1 for screen in self.app.screen_stack[1:])

    def on_screen_resume(self) -> None:
        if self._behind and self.look:
            self.follow()

    @property
    def stopped(self) -> bool:
        """Whether something waits to be computed that nobody computes."""
        return self.query_one(Status).stopped

    def redraw(self) -> None:
        """The same data in other colours."""
        if self.look is None:
            return
        for pane in self.panes:
            pane.draw()
        self.frame()
        self.query_one(Timeline).refresh()

    def frame(self) -> None:
        """The lines around the panes, and the page over them."""
        self._behind = self.covered
        if not self._behind:
            self.query_one(Crumbs).follow(self.look, self.pane_name, self.single)
            self.query_one(Timeline).follow(self.look)
        self.query_one(Status).follow(self.look.held.progress if self.look else None, self.store, self.playing)
        for page in self.app.screen_stack:
            if isinstance(page, Follower):
                page.follow()

    def on_resize(self) -> None:
        self.call_after_refresh(self._resized)

    def _resized(self) -> None:
        """A pane that was hidden has lost the focus; while the explorer ends there may be none any more."""
        if not self.query(Pane):
            return
        if self.focused is None:
            self.set_focus(self.pane.body)
        self.frame()

    def show_pane(self, name: str) -> None:
        """Go to a pane; where there is room for one only, it takes the place of the other."""
        self.pane_name = name
        self.set_focus(self.pane.body)
        for pane in self.panes:
            pane.set_class(pane.NAME == name, "-current")
        self.query_one("#filter").display = False
        self.frame()

    def go_to_pane(self, name: str) -> None:
        """The user wants to see more of what is shown, if anything is: it stays."""
        if self.look and (self.look.at.role or self.look.at.task):
            self.choose()
        self.show_pane(name)

    def say(self, text: str) -> None:
        self.app.notify(text, markup=False)

    @on(DescendantFocus)
    def _focused(self) -> None:
        """A click went to another pane."""
        around = self.focused.ancestors_with_self if self.focused else []
        pane = next((node for node in around if isinstance(node, Pane)), None)
        if pane and pane.NAME != self.pane_name:
            self.go_to_pane(pane.NAME)

    def open_filter(self) -> None:
        """Ask for the pattern of the list that has the focus."""
        pane = self.pane
        assert isinstance(pane, Listing)
        entry = self.query_one("#filter", Input)
        entry.value = pane.pattern
        entry.display = True
        self.set_focus(entry)

    @on(Input.Changed, "#filter")
    def _narrow(self, event: Input.Changed) -> None:
        if isinstance(self.pane, Listing):
            self.pane.narrow(event.value)
