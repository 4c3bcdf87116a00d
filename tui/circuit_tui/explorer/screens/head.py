"""One head in full: its roles over training, its circuits and edges, where it looks, and what acts on it.

`h` `j` `k` `l` move the head; in the lists of edges and effects `j` and `k` move along the lines instead, and `enter`
goes to the head at the other end.
"""

from collections.abc import Callable
from functools import partial
from sqlite3 import Connection
from typing import Any

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.events import DescendantFocus

from circuit_store.queue.places import said
from circuit_tui.explorer import bindings, one_head
from circuit_tui.explorer.head.attention import Attention
from circuit_tui.explorer.head.circuits import Circuits
from circuit_tui.explorer.head.edges import Edges, EdgesIn, EdgesOut
from circuit_tui.explorer.head.effects import Effects
from circuit_tui.explorer.head.part import HeadPart
from circuit_tui.explorer.head.roles import Roles
from circuit_tui.explorer.one_head import OneHead
from circuit_tui.explorer.screens.follower import Panes
from circuit_tui.explorer.screens.full_screen import FullScreen
from circuit_tui.explorer.screens.patch_request import POLL, PatchRequest
from circuit_tui.explorer.state import Head, Selection, head_of
from circuit_tui.explorer.widgets.live_text import Note
from circuit_tui.explorer.widgets.notation import plain
from circuit_tui.explorer.widgets.sparkline import Lines

_ABOUT = "One head in full: its roles over training, its circuits, its edges, where it looks, and what acts on it."


class HeadScreen(FullScreen):
    NAME = "head"
    BINDINGS = [*bindings.of(), *bindings.of("screen.head")]

    def __init__(self, main: Panes):
        super().__init__(main)
        self.lines = Lines()
        self.attention, self.effects = Attention(), Effects()
        self._over: one_head.OverTraining | None = None
        self._role: str | None = None

    def compose_parts(self) -> ComposeResult:
        yield Note(id="names")
        yield Roles(self.lines, self.choose)
        yield EdgesIn()
        yield EdgesOut()
        yield Circuits(self.lines, self.choose)
        yield self.attention
        yield self.effects

    def on_mount(self) -> None:
        self.show_part("roles")

    def needs(self, at: Selection) -> tuple[Any, ...]:
        return (*super().needs(at), at.head, *self._runs(at).items())

    def read(self, at: Selection) -> Callable[[Connection], OneHead | None]:
        assert self.main.look
        return one_head.question(self.main.look, self._over, self._runs(at))

    def _runs(self, at: Selection) -> dict[str, int]:
        """The runs that patch paths into this head here."""
        asked = self.effects.asked(at)
        return dict(asked.runs) if asked else {}

    def show(self, at: Selection, found: OneHead | None) -> None:
        if found is None:
            return self.vacant(f"{_ABOUT} No head's score is computed yet: ^r asks for a run.")
        self._over = found.over
        self._fill(*self.query(HeadPart))

    def point(self) -> None:
        """Another role was chosen."""
        if self.main.look and self.main.look.at.role != self._role:
            self._fill(self.query_one(Roles))

    def _fill(self, *parts: HeadPart) -> None:
        """Show what was read in some of the parts."""
        look, (at, found) = self.main.look, self._found or (None, None)
        if look and at and found and self.stands:
            self._role = look.at.role
            self.lines.keep(look.held.checkpoints)
            for part in parts:
                part.show(look, at, found, partial(self._command, at))

    def _command(self, at: Selection, analysis: str) -> str:
        """What computes an analysis here, and whether it is queued already."""
        where = f"{plain(at.model)} --checkpoints {at.step} --analyses {analysis} --tasks {plain(at.task)}"
        place = self.main.look.held.places.get(at.step or 0) if self.main.look else None
        queued = "" if place is None else f"\nThe checkpoint {said(place)}."
        return f"{self.main.program} run {where}{queued}"

    @property
    def here(self) -> HeadPart:
        """The part that has, or last had, the focus."""
        return next(part for part in self.query(HeadPart) if part.has_class("-current"))

    def show_part(self, name: str) -> None:
        self._go_to(name)
        super().show_part(name)

    @on(DescendantFocus)
    def _focused(self) -> None:
        """A click went to another part."""
        if self.part:
            self._go_to(self.part)

    def _go_to(self, name: str) -> None:
        """Where there is room for one part only, it takes the place of the other."""
        names = Text(no_wrap=True, overflow="ellipsis")
        for part in self.query(HeadPart):
            part.set_class(part.NAME == name, "-current")
            accent = f"bold {self.colours.accent}" if part.NAME == name else ""
            names.append(part.NAME.replace("-", " "), accent).append("   ")
        self.query_one("#names", Note).say(names)

    def action_move(self, where: str) -> None:
        part = self.here
        if part.GONE_ALONG and where not in ("left", "right"):
            part.body.move(where)
        elif where in ("page_down", "page_up"):
            half = max(1, part.body.size.height // 2)
            part.body.scroll_relative(y=half if where == "page_down" else -half, animate=False)
        else:
            self._move_head(where)

    def _move_head(self, where: str) -> None:
        look = self.main.look
        if not look or not look.at.head or not look.held.model:
            return
        layers, heads = look.held.model["n_layers"] or 1, look.held.model["n_heads"] or 1
        layer, head = look.at.head
        to: dict[str, Head] = {
            "up": (max(0, layer - 1), head),
            "down": (min(layers - 1, layer + 1), head),
            "left": (layer, max(0, head - 1)),
            "right": (layer, min(heads - 1, head + 1)),
            "first": (0, 0),
            "last": (layers - 1, heads - 1),
        }
        self.choose(head=to[where])

    def action_open(self) -> None:
        """Go to the head at the other end of the line under the cursor."""
        if head := head_of(self.here.node):
            self.choose(head=head)
        elif self.here.node:
            self.main.say(f"{self.here.node} is no head.")

    def action_sort(self) -> None:
        """Edges by |score|, or port by port."""
        for part in self.query(Edges):
            part.reorder()
            self._fill(part)

    def action_match(self, by: int) -> None:
        """Another prompt; where there is room for one part only, it is the one that shows it."""
        self.attention.prompt += by
        if not self.attention.size.height:
            self.show_part(self.attention.NAME)
        self._fill(self.attention)

    def action_patch(self) -> None:
        """Ask for the effects that are not computed yet."""
        look, found = self.main.look, self._found and self._found[1]
        if not look or not found or not look.at.task or look.at.head != found.head:
            return self.main.say("Paths run into a head, on the prompts of a task: none of them is computed yet.")
        missing = [to for to, patch in found.patches.items() if patch is None]
        if not missing:
            return self.main.say("All of it is computed.")
        if self.effects.request is None:
            self.set_interval(POLL, partial(self._fill, self.effects))
        self.effects.request = PatchRequest(self.main, look.at, "press P")
        self.effects.request.ask(self.app, missing, self._told)
        self._fill(self.effects)

    def _told(self) -> None:
        """It is queued, or nothing can be computed."""
        self.follow()
        self._fill(self.effects)

    def views(self, at: Selection) -> dict[str, dict[str, Any]]:
        return self.here.views(at)

    def action_provenance(self) -> None:
        self.main.explain(self.here.ANALYSIS)

    def copied(self, row: bool) -> str:
        return self.here.copied()
