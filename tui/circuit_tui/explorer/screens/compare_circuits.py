"""Circuits on the compare screen: edges and nodes as a diff, and how alike circuits are over training; of models of two
shapes, the parts of their |score|.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

from rich.text import Text
from textual.app import ComposeResult

from circuit_tui.explorer import comparing
from circuit_tui.explorer.comparing import Beside, Curve
from circuit_tui.explorer.screens.compare_heads import HeadsBeside
from circuit_tui.explorer.screens.follower import Panes
from circuit_tui.explorer.screens.full_screen import Part
from circuit_tui.explorer.widgets import circuit_diff, similarity
from circuit_tui.explorer.widgets.circuit_diff import Change, Shares
from circuit_tui.explorer.widgets.live_text import ChangedLines, ColumnNames, Note
from circuit_tui.explorer.widgets.notation import address, plain
from circuit_tui.explorer.widgets.similarity import Similarity

_CURVES = "compare: over training"
"""Who asks for it: it takes longer than the rest, and is asked for less often."""


class CircuitsBeside(HeadsBeside):
    def __init__(self, main: Panes):
        super().__init__(main)
        self.only_differences = False
        self.curve: Curve | None = None
        self._curve_asked: tuple[Any, ...] = ()
        self._decimals = {"circuit": 2, "nodes": 2}

    def compose_parts(self) -> ComposeResult:
        yield from super().compose_parts()
        for name in ("circuit", "nodes"):
            with Part(id=name):
                yield Note()
                yield ColumnNames(partial(self._column_names, name))
                yield ChangedLines(partial(self._line, name), lambda: None)
        with Part(id="similarity"):
            yield Similarity()

    def on_unmount(self) -> None:
        self.main.reader.leave(_CURVES)

    def follow(self) -> None:
        super().follow()
        look = self.main.look
        if not self.stands or look is None:
            return
        at = look.at
        asked = (look.version, at.model, at.task, at.baseline)
        if asked != self._curve_asked:
            self._curve_asked = asked
            self.main.reader.ask(_CURVES, comparing.curve(at), self._curved)

    def _curved(self, found: Curve) -> None:
        self.curve = found
        if self.found:
            self._show_similarity(self.found)

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
