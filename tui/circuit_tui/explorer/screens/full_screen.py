"""A whole screen on the selection: its name and what is looked at above, training and the keys below.

Seven of them stand side by side; `1` to `7` go to them from anywhere, and what one chooses the others show. A screen
stays as it was left. Its parts are gone through by `tab`, or named by a letter after `ctrl+o`.
"""

from typing import Any, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from circuit_tui.explorer import bindings
from circuit_tui.explorer.screens.follower import Follower, Panes
from circuit_tui.explorer.widgets.key_line import KeyLine
from circuit_tui.explorer.widgets.live_text import Note
from circuit_tui.explorer.widgets.status import Crumbs
from circuit_tui.explorer.widgets.timeline import Timeline


class Part(Container):
    """A titled part of a screen. What in it takes the focus is the first of its children that can."""

    DEFAULT_CSS = """
    Part { border-top: solid $rule; border-title-color: $secondary; border-title-style: none; height: 1fr; }
    Part:focus-within, Part:focus { border-title-color: $accent; border-title-style: bold; }
    """

    def title(self, *parts: str) -> None:
        """What the part shows, with its unit."""
        title = Content(" · ".join(part for part in parts if part))
        if title != self.border_title:
            self.border_title = title


class FullScreen(Follower, inherit_bindings=False):
    """Subclasses give `compose_parts`, and what a `Follower` reads and shows."""

    NAME: ClassVar[str]
    """As in `bindings.SCREENS`."""
    analysis: str | None = None
    """What computed the numbers here, for `i`; None if that is more than one."""
    BINDINGS = bindings.of()
    HORIZONTAL_BREAKPOINTS = [(0, "-cramped"), (60, "-narrow"), (100, "-normal"), (160, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (15, "-low"), (24, "-tall")]
    DEFAULT_CSS = """
    FullScreen #parts { height: 1fr; }
    FullScreen #reason { padding: 1 2; color: $foreground; }
    """

    def __init__(self, main: Panes):
        super().__init__()
        self.main = main

    def compose(self) -> ComposeResult:
        yield Static("terminal too small (need 60x15)", id="small")
        yield Crumbs()
        yield Note(id="reason")
        with Container(id="parts"):
            yield from self.compose_parts()
        yield Timeline()
        yield KeyLine()

    def compose_parts(self) -> ComposeResult:
        """The parts between the line of the selection and that of training."""
        raise NotImplementedError

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, lambda _: self.draw())

    def on_screen_resume(self) -> None:
        self.follow()

    def on_resize(self) -> None:
        self.call_after_refresh(self.draw)

    @property
    def stands(self) -> bool:
        return self.is_attached and self in self.app.screen_stack and bool(self.query(KeyLine))

    def follow(self) -> None:
        if self.stands:
            self.query_one(Crumbs).follow(self.main.look, self.NAME, True)
            self.query_one(Timeline).follow(self.main.look)
        super().follow()

    def draw(self) -> None:
        if self._found and self.stands:
            self.vacant("")
        super().draw()

    def vacant(self, reason: str) -> None:
        """Show a sentence instead of the parts: what would be here, and which key brings it; none: the parts."""
        self.query_one("#reason", Note).say(Text(reason))
        self.query_one("#parts").display = not reason

    @property
    def parts(self) -> dict[str, Widget]:
        """Name -> what takes the focus, in the order of `tab`: of each part the first that can."""
        found = {}
        for part in self.query(Part):
            takers = [widget for widget in (part, *part.query("*")) if widget.focusable]
            if takers and part.id:
                found[part.id] = takers[0]
        return found

    @property
    def part(self) -> str | None:
        """The part that has the focus."""
        around = self.focused.ancestors_with_self if self.focused else []
        return next((node.id for node in around if isinstance(node, Part)), None)

    def show_part(self, name: str) -> None:
        self.set_focus(self.parts[name])

    def action_next_part(self, by: int) -> None:
        names = list(self.parts)
        if names:
            here = names.index(self.part) if self.part in names else -1
            self.show_part(names[(here + by) % len(names)])

    def action_back(self) -> None:
        """Stop a read that takes long, else go where the screen was opened from."""
        if self.main.reader.asks(self):
            self.main.reader.drop(self)
            self._asked = ()
            return self.main.say("Reading was stopped: r reads again.")
        self.app.pop_screen()

    def action_provenance(self) -> None:
        self.main.explain(self.analysis)

    def action_copy(self, row: bool) -> None:
        self.main.copy(self.copied(row))

    def copied(self, row: bool) -> str:
        """What `y` copies, or `Y`: a row, tab-separated."""
        return ""

    def action_step(self, by: int) -> None:
        self.main.action_step(by)

    def action_play(self) -> None:
        self.main.action_play()

    def action_event(self, by: int) -> None:
        self.main.action_event(by)

    def action_model(self, by: int) -> None:
        self.main.action_model(by)

    def action_role(self, by: int) -> None:
        self.main.action_role(by)

    def action_task(self) -> None:
        self.main.action_task()

    def action_history(self, by: int) -> None:
        self.main.action_history(by)

    def choose(self, **changes: Any) -> None:
        self.main.choose(**changes)
