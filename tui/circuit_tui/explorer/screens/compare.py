"""The compare screen: the selection, B, beside a baseline, A: heads, circuit, and similarity over training.

`b` pins the baseline; without one it is the checkpoint before. Models of one shape are compared head by head and edge
by edge; of two shapes, since head numbers do not carry over, roles by depth and circuits by their parts.
"""

from collections.abc import Callable, Sequence
from functools import partial
from sqlite3 import Connection
from typing import Any

from rich.text import Text
from textual.app import ComposeResult
from textual.widget import Widget

from circuit_tui.explorer import bindings, comparing, role_display
from circuit_tui.explorer.comparing import Beside, Curve
from circuit_tui.explorer.screens import compare_exports
from circuit_tui.explorer.screens.follower import Panes
from circuit_tui.explorer.screens.full_screen import FullScreen, Part
from circuit_tui.explorer.state import Baseline, Selection
from circuit_tui.explorer.widgets import circuit_diff, role_depths, similarity
from circuit_tui.explorer.widgets.circuit_diff import Change, Shares
from circuit_tui.explorer.widgets.heat_map import DifferenceMap, HeatMap
from circuit_tui.explorer.widgets.live_text import ChangedLines, ColumnNames, Note
from circuit_tui.explorer.widgets.notation import address, head_name, plain, signed
from circuit_tui.explorer.widgets.similarity import Similarity

MAPS = ("baseline", "selection", "difference")
"""Parts of models of one shape; `depth` stands in their place for two."""


class Compare(FullScreen):
    NAME = "compare"
    BINDINGS = [*bindings.of(), *bindings.of("screen.compare")]

    def __init__(self, main: Panes):
        super().__init__(main)
        self.maps = {
            name: (DifferenceMap if name == "difference" else HeatMap)(partial(self._pointed, name)) for name in MAPS
        }
        self.only_differences = False
        self.circuits = comparing.Circuits()
        self.curve: Curve | None = None
        self._curve_asked: tuple[Any, ...] = ()
        self._decimals = {"circuit": 2, "nodes": 2}
        self._told: dict[str, Text] = {}
        """Part -> what its note says."""
        self._curves = f"{self.NAME}: over training"

    def compose_parts(self) -> ComposeResult:
        yield Note(id="changed")
        for name, heat_map in self.maps.items():
            with Part(id=name):
                yield heat_map
                yield Note()
        with Part(id="depth"):
            yield ColumnNames(lambda width: role_depths.HEADER)
            yield ChangedLines(self._depth_line, lambda: None)
        for name in ("circuit", "nodes"):
            with Part(id=name):
                yield Note()
                yield ColumnNames(partial(self._column_names, name))
                yield ChangedLines(partial(self._line, name), lambda: None)
        with Part(id="similarity"):
            yield Similarity()

    def on_mount(self) -> None:
        super().on_mount()
        self.show_part("baseline")

    def on_unmount(self) -> None:
        super().on_unmount()
        self.main.reader.leave(self._curves)

    def follow(self) -> None:
        super().follow()
        look = self.main.look
        if not self.stands or look is None:
            return
        at = look.at
        asked = (look.version, at.model, at.task, at.baseline)
        if asked != self._curve_asked:
            self._curve_asked = asked
            self.main.reader.ask(self._curves, comparing.curve(at), self._curved)

    def _curved(self, found: Curve) -> None:
        self.curve = found
        if self.found:
            self._show_similarity(self.found)

    def needs(self, at: Selection) -> tuple[Any, ...]:
        return at.model, at.step, at.task, at.role, at.baseline

    def read(self, at: Selection) -> Callable[[Connection], Beside | None]:
        assert self.main.look
        return comparing.question(self.main.look, self.circuits)

    @property
    def found(self) -> Beside | None:
        """What is shown."""
        return self._found[1] if self._found else None

    def show(self, at: Selection, found: Beside | None) -> None:
        if found is None:
            what = "The checkpoint beside another: heads, circuit and similarity."
            return self.vacant(
                f"{what} This is the first of {plain(at.model)}, with none before it: . goes on, or b pins a baseline."
                if at.model
                else f"{what} No model is computed yet: ctrl+r asks for a run."
            )
        self.set_class(not found.alike, "-unlike")
        if self.part not in self.parts:
            self.show_part(next(iter(self.parts)))
        self._show_heads(at, found)
        self._show_circuits(found)
        self._show_similarity(found)

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
        parts = [f"{head_name(head)} {_plus(found.difference[head[0]][head[1]])}" for head in found.changed]
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
            line.append(_plus(value, 3) if name == "difference" else signed(value, 3), "bold")
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
            lines = self._lines(part)
            lines.update(lines.rows, lines.cursor)

    def _show_circuits(self, found: Beside) -> None:
        both, alone = found.circuits, self.only_differences
        title = [plain(found.b.task)] if found.a.task == found.b.task else []
        if not both or not both.edges or not both.nodes or not both.heads:
            rows = [row for row in both.parts if row[-1] or not alone] if both else []
            unit = ["share of |score| by role, depth and port"] if both else []
            self._put("circuit", ["Circuit", *title, *unit], rows, found.reason)
            self._say("circuit", Text(" ".join(map(plain, both.warnings)) if both else ""))
            self._put("nodes", ["Nodes"], [], "")
            return self._say("nodes", Text())
        self._decimals = {"circuit": circuit_diff.digits(both.edges), "nodes": circuit_diff.digits(both.nodes)}
        only = ["only differences"] if alone else []
        edges, nodes = circuit_diff.edges(both.edges, alone), circuit_diff.nodes(both.nodes, alone)
        self._put("circuit", ["Edges", *title, *only], edges, "Both circuits have the same edges.")
        self._put("nodes", ["Nodes", *only], nodes, "Both circuits have the same nodes.")
        counts = circuit_diff.counts(both.edges)
        self._say("circuit", Text("\n".join([*counts, *map(plain, both.warnings)])))
        heads, of = circuit_diff.counts(both.heads)
        self._say("nodes", Text(f"heads  {heads}\n{of}"))

    def _column_names(self, part: str, width: int) -> str:
        found = self.found
        if not found or not found.circuits:
            return ""
        kind = "edge" if part == "circuit" else "node"
        alike = found.circuits.edges is not None
        return circuit_diff.change_head(width, kind, self._decimals[part]) if alike else circuit_diff.SHARE_HEAD

    def _put(self, part: str, title: list[str], rows: Sequence[Any], message: str) -> None:
        self.query_one(f"#{part}", Part).title(*title)
        self.query_one(f"#{part} ColumnNames").refresh()
        lines = self._lines(part)
        lines.update(rows, min(lines.cursor, max(0, len(rows) - 1)), plain(message))

    def _lines(self, part: str) -> ChangedLines:
        return self.query_one(f"#{part} ChangedLines", ChangedLines)

    def _line(self, part: str, row: tuple[Any, ...], width: int) -> Text:
        found, at = self.found, self.main.look and self.main.look.at
        if not found or not found.circuits or not found.circuits.edges:
            return circuit_diff.share_line(Shares(*row), width, self.colours)
        change = Change(*row)
        roles = found.roles.get(change.head, ()) if part == "nodes" and change.head else ()
        here = bool(at and at.head and change.head == at.head)
        return circuit_diff.change_line(change, width, here, roles, self._decimals[part], self.colours)

    def _depth_line(self, row: Any, width: int) -> Text:
        at = self.main.look and self.main.look.at
        return role_depths.depth_line(row, bool(at and at.role == row.role), self.colours)

    def _show_similarity(self, found: Beside) -> None:
        part, look = self.query_one("#similarity", Part), self.main.look
        body, curve = part.query_one(Similarity), self.curve
        if curve is None or look is None or curve.of != (found.b.model, found.b.task) or look.at.model != found.b.model:
            return
        body.show(curve, look.held.checkpoints, look.at.step or 0)
        to = curve.to and (f"step {curve.to.step}" if curve.to.model == found.b.model else address(*curve.to[:2], None))
        part.title("Similarity 0..1", plain(f"to {to}") if to else "each to the one before")
        both = found.circuits
        words = Text(plain(curve.reason))
        if both and both.figures:
            words.append("\n" * bool(words) + similarity.verdict(both.figures))
        else:
            words.append("" if curve.reason or curve.rows else plain(found.reason))
        body.say(words, both.figures if both else {})

    @property
    def parts(self) -> dict[str, Widget]:
        """Those that can be shown: maps or roles by depth."""
        found = self.found
        alike = found is None or found.alike
        hidden = {"depth"} if alike else {*MAPS, "nodes"}
        return {name: widget for name, widget in super().parts.items() if name not in hidden}

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

    def show_part(self, name: str) -> None:
        if name == "difference":
            self.add_class("-difference")
        elif name == "baseline":
            self.remove_class("-difference")
        for part in self.query(Part):
            part.set_class(part.id == name, "-current")
        super().show_part(name)
        self.call_after_refresh(self._say_again)

    def action_move(self, where: str) -> None:
        body = self.focused
        if isinstance(body, Similarity):
            if where in ("left", "right"):
                self.action_step(1 if where == "right" else -1)
            else:
                body.move(where)
        elif isinstance(body, HeatMap) or (isinstance(body, ChangedLines) and where not in ("left", "right")):
            body.move(where)

    def _pointed(self, name: str) -> None:
        self.choose(head=self.maps[name].head)

    def action_open(self) -> None:
        """Choose the head, or the role, that the row under the cursor is about."""
        lines = self.focused
        if not isinstance(lines, ChangedLines) or lines.row is None:
            return
        row = lines.row
        if self.part == "depth":
            head = role_depths.head_of(row)
            self.choose(role=row.role, **({"head": head} if head else {}))
        elif self.found and self.found.alike and (head := Change(*row).head):
            self.choose(head=head)
        else:
            self.main.say("No head is in this row.")

    def action_zoom(self, into: bool) -> None:
        self.set_class(into, "-zoomed")
        self.call_after_refresh(self._say_again)

    def action_back(self) -> None:
        if self.has_class("-zoomed"):
            return self.action_zoom(False)
        super().action_back()

    def action_swap(self) -> None:
        look, found = self.main.look, self.found
        if not look or not found:
            return self.main.say("There is nothing to swap: no baseline is here.")
        model, step, task = found.a
        where: dict[str, Any] = {} if model == look.at.model else {"model": model}
        self.choose(**where, step=step, task=task, baseline=found.b)

    def action_differences(self) -> None:
        if self.found and self.found.alike:
            self.show_part("baseline" if self.part == "difference" else "difference")

    def action_only_differences(self) -> None:
        self.only_differences = not self.only_differences
        self.draw()

    def action_provenance(self) -> None:
        of = {"circuit": "circuit", "nodes": "circuit", "similarity": None}
        self.main.explain(of.get(self.part or "", "heads"))

    def copied(self, row: bool) -> str:
        focused = self.focused
        if isinstance(focused, ChangedLines) and isinstance(focused.row, tuple):
            return (
                "\t".join("" if cell is None else plain(cell) for cell in focused.row) if row else plain(focused.row[1])
            )
        if isinstance(focused, HeatMap) and focused.count:
            layer, head = focused.head
            value = focused.values[layer][head]
            told = "" if value is None else repr(value)
            return f"{head_name(focused.head)}\t{told}" if row else told
        return ""

    def action_export(self) -> None:
        compare_exports.export(self)


def _plus(value: float | None, digits: int = 2) -> str:
    text = signed(value, digits)
    return f"+{text}" if value is not None and value > 0 else text


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
