"""The first screen with all its keys, which `bindings` lists; here are those that move between its panes."""

from circuit_tui.explorer import bindings, role_display
from circuit_tui.explorer.screens.explorer import in_turn
from circuit_tui.explorer.screens.path_patch import PathPatch
from circuit_tui.explorer.screens.selection_keys import SelectionScreen
from circuit_tui.explorer.state import Selection
from circuit_tui.explorer.widgets.list_pane import Listing
from circuit_tui.explorer.widgets.notation import plain


class NavigationScreen(SelectionScreen):
    NAME = "explore"
    BINDINGS = [*bindings.of(), *bindings.of("screen.explore")]

    @property
    def parts(self) -> tuple[str, ...]:
        """The panes, in the order of `tab`."""
        return bindings.PANES

    def show_part(self, name: str) -> None:
        self.go_to_pane(name)

    def action_next_part(self, by: int) -> None:
        order = bindings.PANES
        self.go_to_pane(order[(order.index(self.pane_name) + by) % len(order)])

    def action_open(self) -> None:
        """Choose what is under the cursor, and go on to what it holds."""
        if isinstance(self.pane, Listing):
            self.pane.take()
        self.action_next_part(1)

    def action_zoom(self, into: bool) -> None:
        self.set_class(into, "-zoomed")
        self.show_pane(self.pane_name)

    def action_filter(self) -> None:
        self.open_filter()

    def action_back(self) -> None:
        """Undo the nearest of a read that takes long, filter, zoom and way."""
        pane = self.pane
        if self.reader.long:
            self.stop()
        elif isinstance(pane, Listing) and (pane.pattern or self.query_one("#filter").display):
            pane.narrow("")
            self.show_pane(self.pane_name)
        elif self.has_class("-zoomed"):
            self.action_zoom(False)
        elif self.single and self.pane_name != bindings.PANES[0]:
            self.action_next_part(-1)

    @in_turn
    def action_patch(self) -> None:
        at = self.look.at if self.look else Selection()
        if not at.head or not at.task:
            return self.say("Paths run into a head, on the prompts of a task: none of them is computed yet.")
        self.app.push_screen(PathPatch(self, at, at.head))

    def choices(self) -> list[tuple[str, str, str | int]]:
        """What can be chosen by name: (field of the selection, as shown, value)."""
        if not self.look or not self.look.at.model:
            return []
        held = self.look.held
        models = [("model", row["model"], row["model"]) for row in held.models]
        named = [("role", name, name) for name in role_display.ordered(held.roles)]
        named += [("task", name, name) for name in held.tasks]
        steps = [("step", str(c.step), c.step) for c in held.checkpoints]
        return [(kind, plain(name), value) for kind, name, value in (*models, *named, *steps)]
