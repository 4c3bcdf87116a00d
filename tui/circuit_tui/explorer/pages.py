"""What opens the program's own screens over the panes, by key and from the palette."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import cast

from rich.text import Text
from textual.app import SystemCommand
from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.screen import Screen

from circuit_store.errors import StoreError
from circuit_tui import command_output
from circuit_tui.explorer import bindings, theme
from circuit_tui.explorer.screens import exports
from circuit_tui.explorer.screens.help import Help
from circuit_tui.explorer.screens.jobs import Jobs
from circuit_tui.explorer.screens.navigation import NavigationScreen
from circuit_tui.explorer.screens.run_dialog import RunDialog
from circuit_tui.explorer.screens.text import TextScreen
from circuit_tui.terminal.driver import TerminalApp


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

    def get_default_screen(self) -> Screen[None]:
        return self.main

    @property
    def queue_page(self) -> Jobs | None:
        """The queue, if it is open over the panes."""
        return cast("Jobs | None", next((screen for screen in self.screen_stack if isinstance(screen, Jobs)), None))

    def action_help(self) -> None:
        self.push_screen(Help())

    def action_theme(self) -> None:
        self.theme = theme.LIGHT.name if self.current_theme.dark else theme.DARK.name

    def action_error(self) -> None:
        self.push_screen(TextScreen("Last error", Text(self.last_error)))

    def action_jobs(self) -> None:
        self.push_screen(Jobs(self.main))

    def action_run(self) -> None:
        """Ask what to compute; when it is queued, show how it goes."""
        self.push_screen(RunDialog(self.main), self._queued)

    def _queued(self, told: str | None) -> None:
        if not told:
            return
        self.main.say(told)
        if page := self.queue_page:
            page.look()
        else:
            self.action_jobs()

    async def press(self, key: bindings.Key) -> None:
        """What the palette does for a key: as if pressed in a pane, or on the page, that has it."""
        page, main = self.queue_page, self.main
        if key.where == ("jobs",) and page is None:
            page = Jobs(main)
            await self.push_screen(page)
        if page and "jobs" in key.where:
            await self.run_action(key.action, page)
            return
        if page and key.id != "run":
            page.dismiss()
        if key.where and main.pane_name not in key.where:
            main.show_pane(key.where[0])
        await self.run_action(key.action, main.pane if key.where else main)

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
