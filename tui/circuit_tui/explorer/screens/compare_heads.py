"""Heads on the compare screen: a role at A and at B, and what changed; of two shapes, where in depth each role is.

A circuit or a score that was read is kept a while by `comparing.Circuits`.
"""

from collections.abc import Callable
from functools import partial
from sqlite3 import Connection
from typing import Any

from rich.text import Text
from textual.app import ComposeResult

from circuit_tui.explorer import comparing, role_display
from circuit_tui.explorer.comparing import Beside
from circuit_tui.explorer.screens.follower import Panes
from circuit_tui.explorer.screens.full_screen import FullScreen, Part
from circuit_tui.explorer.state import Baseline, Selection
from circuit_tui.explorer.widgets import role_depths
from circuit_tui.explorer.widgets.heat_map import DifferenceMap, HeatMap
from circuit_tui.explorer.widgets.live_text import ChangedLines, ColumnNames, Note
from circuit_tui.explorer.widgets.notation import address, head_name, plain, plus, signed

MAPS = ("baseline", "selection", "difference")
"""Parts of models of one shape; `depth` stands in their place for two."""


class HeadsBeside(FullScreen):
    def __init__(self, main: Panes):
        super().__init__(main)
        self.maps = {
            name: (DifferenceMap if name == "difference" else HeatMap)(partial(self._pointed, name)) for name in MAPS
        }
        self.circuits = comparing.Circuits()
        self._told: dict[str, Text] = {}
        """Part -> what its note says."""

    def compose_parts(self) -> ComposeResult:
        yield Note(id="changed")
        for name, heat_map in self.maps.items():
            with Part(id=name):
                yield heat_map
                yield Note()
        with Part(id="depth"):
            yield ColumnNames(lambda width: role_depths.HEADER)
            yield ChangedLines(self._depth_line, lambda: None)

    def needs(self, at: Selection) -> tuple[Any, ...]:
        return at.model, at.step, at.task, at.role, at.baseline

    def read(self, at: Selection) -> Callable[[Connection], Beside | None]:
        assert self.main.look
        return comparing.question(self.main.look, self.circuits)

    @property
    def found(self) -> Beside | None:
        """What is shown."""
        return self._found[1] if self._found else None

    def _show_heads(self, at: Selection, found: Beside) -> None:
        assert found.heads
        if not found.alike:
            depth = self.query_one("#depth", Part)
            depth.title("Roles by depth 0..1", *self._names(found))
            lines = depth.query_one(ChangedLines)
            lines.update(found.depths, lines.cursor, "No head of either has a role that is computed.")
            return self.query_one("#changed", Note).say(Text(f"{_shapes(found)}: roles are compared by depth."))
        grids = (found.heads.a.values, found.heads.b.values)
        scale = role_display.ends(
            *role_display.scale(at.role or "", (v for grid in grids for row in grid for v in row))
        )
        role = plain(at.role)
        titles = (*self._names(found), "B − A")
        for name, title, values in zip(MAPS, titles, (*grids, found.difference), strict=True):
            unit = f"{role} {scale if name != 'difference' else '−1..1'}"
            self.query_one(f"#{name}", Part).title(title, "" if title == titles[0] and not found.pinned else unit)
            self.maps[name].paint(values, at.marks, at.head, _why_empty(at, found, name))
        self.query_one("#changed", Note).say(self._changed(at, found))
        self._say_head()

    def _names(self, found: Beside) -> tuple[str, str]:
        """The titles of both sides."""
        alone = found.a.model == found.b.model
        a, b = (plain(f"step {side.step}" if alone else address(*side[:2], None)) for side in (found.a, found.b))
        return f"A baseline {a}" if found.pinned else f"A {a}, the one before: b pins a baseline", f"B {b}"

    def _changed(self, at: Selection, found: Beside) -> Text:
        """What changed most, or why scores cannot be compared."""
        if found.a == found.b:
            return Text("A and B are the same: , and . go to other checkpoints.")
        assert found.heads
        parts = [f"{head_name(head)} {plus(found.difference[head[0]][head[1]], 2)}" for head in found.changed]
        line = Text().append(f"most changed {plain(at.role)}   ", self.colours.muted)
        line.append("   ".join(parts) or "no head by .05 or more")
        return line.append("".join(f"   {plain(one)}" for one in found.heads.unlike), self.colours.muted)

    def _say_head(self) -> None:
        """Below each map the head under the cursor."""
        found, at = self.found, self.main.look and self.main.look.at
        if not found or not found.alike or not found.heads or not at or not at.head:
            return
        layer, head = at.head
        if at.model != found.b.model:  # and its heads are still being read
            return
        for name, values in zip(MAPS, (found.heads.a.values, found.heads.b.values, found.difference), strict=True):
            value = values[layer][head]
            line = Text().append(f"{head_name(at.head)}  ", self.colours.muted)
            line.append(plus(value, 3) if name == "difference" else signed(value, 3), "bold")
            self._say(name, line)

    def point(self) -> None:
        """Another head was chosen."""
        found, look = self.found, self.main.look
        if not found or not look:
            return
        for heat_map in self.maps.values():
            heat_map.point(look.at.marks, look.at.head)
        self._say_head()
        for part in ("circuit", "nodes"):
            lines = self.query_one(f"#{part} ChangedLines", ChangedLines)
            lines.update(lines.rows, lines.cursor)

    def _depth_line(self, row: Any, width: int) -> Text:
        at = self.main.look and self.main.look.at
        return role_depths.depth_line(row, bool(at and at.role == row.role), self.colours)

    def _pointed(self, name: str) -> None:
        self.choose(head=self.maps[name].head)

    def _say(self, part: str, text: Text) -> None:
        """Above or below what a part shows; where it is hidden, once it is seen: lines that have no room yet would be
        laid out each time."""
        self._told[part] = text
        where = self.query_one(f"#{part}", Part)
        if where.display:
            where.query_one(Note).say(text)

    def _say_again(self) -> None:
        for part, text in self._told.items():
            self._say(part, text)


def _shapes(found: Beside) -> str:
    assert found.heads
    grids = found.heads.a.values, found.heads.b.values
    a, b = (f"{len(values)} layers × {len(values[0]) if values else 0} heads" for values in grids)
    return f"A has {a}, B {b}"


def _why_empty(at: Selection, found: Beside, name: str) -> str:
    """Why a map has no score."""
    assert found.heads
    if at.role is None:
        return "No role of heads is computed yet."
    pairs: tuple[tuple[Baseline, Any], ...] = ((found.a, found.heads.a), (found.b, found.heads.b))
    for side, grid in pairs if name == "difference" else (pairs[MAPS.index(name)],):
        where = plain(address(side.model, side.step, None))
        if not grid.computed:
            return f"{plain(at.role)} is not computed at {where}: , and . go to other checkpoints."
        if grid.reason:
            return f"{plain(at.role)} is undefined at {where}: {plain(grid.reason)}."
    return ""
