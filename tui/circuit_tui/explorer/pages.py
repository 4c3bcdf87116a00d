"""What opens the program's screens and pages, by key and from the palette."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path

from rich.text import Text
from textual.actions import SkipAction
from textual.app import SystemCommand
from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Input

from circuit_store.errors import StoreError
from circuit_tui import command_output
from circuit_tui.explorer import bindings, theme
from circuit_tui.explorer.screens import exports
from circuit_tui.explorer.screens.algorithm import Algorithm
from circuit_tui.explorer.screens.attention import Attention
from circuit_tui.explorer.screens.circuit import CircuitScreen
from circuit_tui.explorer.screens.full_screen import FullScreen
from circuit_tui.explorer.screens.help import Help
from circuit_tui.explorer.screens.jobs import Jobs
from circuit_tui.explorer.screens.jump import Jump
from circuit_tui.explorer.screens.navigation import NavigationScreen
from circuit_tui.explorer.screens.role_list import RoleList
from circuit_tui.explorer.screens.run_dialog import RunDialog
from circuit_tui.explorer.screens.study import Study
from circuit_tui.explorer.screens.text import TextScreen
from circuit_tui.explorer.screens.trends import Trends
from circuit_tui.terminal.driver import TerminalApp

FULL_SCREENS: dict[str, type[FullScreen]] = {"study": Study, "circuit": CircuitScreen}
"""Name -> the screen, but for the first and the queue."""
PAGES = {"algorithm": Algorithm, "attention": Attention, "trends": Trends}


class Commands(Provider):
    """The palette's entries, as the program lists them; names of models and tasks are text there, and no markup."""

    async def discover(self) -> Hits:
        for name, about, callback, _ in sorted(self.app.get_system_commands(self.screen), key=lambda one: one.title):
            yield DiscoveryHit(Content(name), callback, text=name, help=about)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for name, about, callback, _ in self.app.get_system_commands(self.screen):
            score, places = matcher.fuzzy_search.match(query, name)
            if score > 0:
                marked = Content(name)
                for place in places:
                    marked = marked.stylize(matcher.match_style, place, place + 1)
                yield Hit(score, marked, callback, text=name, help=about)


class PagedApp(TerminalApp):
    ENABLE_COMMAND_PALETTE = True
    COMMANDS = {Commands}
    main: NavigationScreen
    last_error = "No error so far."

    def __init__(self) -> None:
        super().__init__()
        self._screens: dict[str, FullScreen] = {}
        """Those that were opened: they stay as they were left."""

    def get_default_screen(self) -> Screen[None]:
        return self.main

    @property
    def place(self) -> FullScreen | Jobs | NavigationScreen:
        """The full screen that is shown, or lies under the pages that are."""
        full = (FullScreen, Jobs, NavigationScreen)
        return next(screen for screen in reversed(self.screen_stack) if isinstance(screen, full))

    async def action_screen(self, name: str) -> None:
        """Go to one of the screens; the pages over them close."""
        screen = self._screen(name)
        if self.screen is screen:
            return
        while self.screen not in (self.main, screen):
            await self.pop_screen()
        if self.screen is not screen:
            await self.push_screen(screen)

    def _screen(self, name: str) -> FullScreen | Jobs | NavigationScreen:
        if name == "explore":
            return self.main
        if name == "jobs":
            return self.place if isinstance(self.place, Jobs) else Jobs(self.main)
        if name not in self._screens:
            self._screens[name] = FULL_SCREENS[name](self.main)
            self.install_screen(self._screens[name], name)
        return self._screens[name]

    def action_page(self, name: str) -> None:
        self.push_screen(PAGES[name](self.main))

    def action_jump(self) -> None:
        """Ask for the letter of a part of the screen, and go there."""
        place = self.place
        if isinstance(place, Jobs):
            return

        def go(name: str | None) -> None:
            if name:
                place.show_part(name)

        self.push_screen(Jump(tuple(place.parts)), go)

    def action_roles(self) -> None:
        """Show the list of roles, unless a text is typed."""
        if isinstance(self.focused, Input):
            raise SkipAction
        self.main.ask_role(lambda roles, at: self.push_screen(RoleList(roles, at), self.main.take_role))

    def action_help(self) -> None:
        self.push_screen(Help())

    def action_theme(self) -> None:
        self.theme = theme.LIGHT.name if self.current_theme.dark else theme.DARK.name

    def action_error(self) -> None:
        self.push_screen(TextScreen("Last error", Text(self.last_error)))

    def action_run(self) -> None:
        """Ask what to compute; when it is queued, show how it goes."""
        self.push_screen(RunDialog(self.main), self._queued)

    def _queued(self, told: str | None) -> None:
        if not told:
            return
        self.main.say(told)
        if isinstance(self.place, Jobs):
            self.place.look()
        else:
            self.call_later(self.action_screen, "jobs")

    async def press(self, key: bindings.Key) -> None:
        """What the palette does for a key: as if pressed here, else on the screen or in the pane that has it."""
        if not self._has(self.place, key):
            await self.action_screen(key.screen or "explore")
        place, panes = self.place, [name for name in key.where if name in bindings.PANES]
        if place is self.main and panes and self.main.pane_name not in panes:
            self.main.show_pane(panes[0])
        await self.run_action(key.action, self.main.pane if place is self.main and panes else place)

    def _has(self, place: FullScreen | Jobs | NavigationScreen, key: bindings.Key) -> bool:
        if key.where:
            return f"screen.{place.NAME}" in key.where or (place is self.main and key.screen == "explore")
        act = key.action.removeprefix("screen.").split("(")[0]
        return act.startswith("app.") or hasattr(place, f"action_{act}")

    def get_system_commands(self, screen: Screen) -> Iterable[SystemCommand]:
        """The palette: every key, every choice, and what has no key."""
        for key in bindings.KEYS:
            yield SystemCommand(key.tip, f"{key.group} · key {key.display}", partial(self.press, key))
        for kind, name, choice in self.main.choices():
            yield SystemCommand(f"{kind} {name}", f"Go to this {kind}", partial(self.main.choose, **{kind: choice}))
        yield SystemCommand("Themes", "Choose among all themes", self.action_change_theme)
        yield SystemCommand("Screenshot", "Save the screen as SVG in this folder", self.keep_screenshot)

    def keep_screenshot(self) -> None:
        """Into the working directory, where exports go too."""
        try:
            picture = [self.export_screenshot()]
            path = exports.new_file(picture, "screen", "svg", Path.cwd(), command_output.taken(self.main.store))
        except (OSError, StoreError) as error:
            return self.main.say(f"No file could be written: {error}")
        self.main.say(f"{path.name} written to {path.parent}")
