"""The compare screen: the selection, B, beside a baseline, A: heads, circuit, and similarity over training.

`b` pins the baseline; without one it is the checkpoint before. Models of one shape are compared head by head and edge
by edge; of two shapes, since head numbers do not carry over, roles by depth and circuits by their parts.
"""

from typing import Any

from textual.widget import Widget

from circuit_tui.explorer import bindings
from circuit_tui.explorer.comparing import Beside
from circuit_tui.explorer.screens import compare_exports
from circuit_tui.explorer.screens.compare_circuits import CircuitsBeside
from circuit_tui.explorer.screens.compare_heads import MAPS
from circuit_tui.explorer.screens.full_screen import Part
from circuit_tui.explorer.state import Selection
from circuit_tui.explorer.widgets import role_depths
from circuit_tui.explorer.widgets.circuit_diff import Change
from circuit_tui.explorer.widgets.heat_map import HeatMap
from circuit_tui.explorer.widgets.live_text import ChangedLines
from circuit_tui.explorer.widgets.notation import head_name, plain
from circuit_tui.explorer.widgets.similarity import Similarity


class Compare(CircuitsBeside):
    NAME = "compare"
    BINDINGS = [*bindings.of(), *bindings.of("screen.compare")]

    def on_mount(self) -> None:
        self.show_part("baseline")

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

    @property
    def parts(self) -> dict[str, Widget]:
        """Those that can be shown: maps or roles by depth."""
        found = self.found
        alike = found is None or found.alike
        hidden = {"depth"} if alike else {*MAPS, "nodes"}
        return {name: widget for name, widget in super().parts.items() if name not in hidden}

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
