"""One head in full: its roles over training, its circuits and edges, where it looks, and what acts on it.

`h` `j` `k` `l` move the head; in the lists of edges and effects `j` and `k` move along the lines instead, and `enter`
goes to the head at the other end.
"""

import re
from collections.abc import Callable
from functools import partial
from sqlite3 import Connection
from typing import Any

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.events import DescendantFocus

from circuit_store import queries
from circuit_tui.explorer import bindings, one_head
from circuit_tui.explorer.one_head import OneHead
from circuit_tui.explorer.screens.follower import Panes
from circuit_tui.explorer.screens.full_screen import FullScreen, Part
from circuit_tui.explorer.screens.patch_request import POLL, PatchRequest
from circuit_tui.explorer.state import Head, Selection
from circuit_tui.explorer.widgets import circuit_strips, head_edges, role_table
from circuit_tui.explorer.widgets.attention_lines import attention_line, places
from circuit_tui.explorer.widgets.head_edges import Effect
from circuit_tui.explorer.widgets.live_text import ChangedLines, Note
from circuit_tui.explorer.widgets.notation import digits_for, finite, head_name, plain, signed
from circuit_tui.explorer.widgets.sparkline import Line

_LISTS = ("edges-in", "edges-out", "effects")
"""Parts whose lines are gone along."""
_COMPUTED_BY = {"edges-in": "circuit", "edges-out": "circuit", "circuits": "circuit", "attention": "attention"}
_ABOUT = "One head in full: its roles over training, its circuits, its edges, where it looks, and what acts on it."


class HeadScreen(FullScreen):
    NAME = "head"
    BINDINGS = [*bindings.of(), *bindings.of("screen.head")]

    def __init__(self, main: Panes):
        super().__init__(main)
        self.prompt = 0
        self._order = "|score|"
        """Of the edges; or `port`, and by |score| within a port."""
        self.request: PatchRequest | None = None
        """Path patching that was asked for last."""
        self._over: one_head.OverTraining | None = None
        self._lines: dict[int, Line] = {}
        self._lines_of: list[queries.CheckpointRow] = []
        self._largest = 0.0
        self._shown: tuple[Any, ...] = ()
        self._role: str | None = None

    def compose_parts(self) -> ComposeResult:
        yield Note(id="names")
        with Part(id="roles"):
            yield Note(classes="columns")
            yield ChangedLines(self._role_line, self._role_chosen)
            yield Note(classes="detail")
        for name in ("edges-in", "edges-out"):
            with Part(id=name):
                yield ChangedLines(partial(self._edge_line, name), lambda: None)
        with Part(id="circuits"):
            yield Note(classes="columns")
            yield ChangedLines(self._strip, self._task_chosen)
            yield Note(classes="detail")
        with Part(id="attention"):
            tokens = ChangedLines(self._token_line, lambda: None)
            tokens.pointed = False
            yield tokens
        with Part(id="effects"):
            yield ChangedLines(lambda row, width: head_edges.effect_line(row, width, self.colours), lambda: None)

    def on_mount(self) -> None:
        super().on_mount()
        self.show_part("roles")

    def needs(self, at: Selection) -> tuple[Any, ...]:
        return (*super().needs(at), at.head, *self._runs(at).items())

    def read(self, at: Selection) -> Callable[[Connection], OneHead | None]:
        assert self.main.look
        return one_head.question(self.main.look, self._over, self._runs(at))

    def _runs(self, at: Selection) -> dict[str, int]:
        """The runs that patch paths into this head here."""
        asked = self._asked_here(at)
        return dict(asked.runs) if asked else {}

    def _asked_here(self, at: Selection) -> PatchRequest | None:
        of = self.request and self.request.at
        here = of is not None and (of.model, of.step, of.task, of.head) == (at.model, at.step, at.task, at.head)
        return self.request if here else None

    def show(self, at: Selection, found: OneHead | None) -> None:
        look = self.main.look
        if found is None or look is None:
            return self.vacant(f"{_ABOUT} No head's score is computed yet: ^r asks for a run.")
        self._over = found.over
        self._keep_lines(look.held.checkpoints)
        self._show_roles(at, found)
        self._show_circuits(at, found)
        self._show_edges(at, found)
        self._show_attention(at, found)
        self._show_effects(at, found)
        self._shown = (at.model, at.step, at.task, at.head)

    def point(self) -> None:
        """Another role was chosen."""
        look, found = self.main.look, self._found
        if look and found and found[1] and look.at.role != self._role and self.stands:
            self._show_roles(*found)

    def _keep_lines(self, checkpoints: list[queries.CheckpointRow]) -> None:
        if checkpoints is not self._lines_of:
            self._lines_of = checkpoints
            self._lines.clear()

    def _line(self, width: int) -> Line:
        """The checkpoints on so many columns."""
        if width not in self._lines:
            self._lines[width] = Line(self._lines_of, width)
        return self._lines[width]

    def _list(self, part: str) -> ChangedLines:
        return self.query_one(f"#{part} ChangedLines", ChangedLines)

    def _note(self, part: str, which: str) -> Note:
        return self.query_one(f"#{part} .{which}", Note)

    def _put(self, part: str, title: list[str], rows: list[Any], cursor: int | None, message: str = "") -> None:
        """`cursor`: None where it is the user's, as long as the same is shown."""
        self.query_one(f"#{part}", Part).title(*title)
        body = self._list(part)
        here = min(body.cursor, max(0, len(rows) - 1)) if cursor is None else cursor
        body.update(rows, here, message)

    def _cursor(self, at: Selection) -> int | None:
        return None if self._shown == (at.model, at.step, at.task, at.head) else 0

    def _show_roles(self, at: Selection, found: OneHead) -> None:
        assert self.main.look
        courses, role = found.over.courses, self.main.look.at.role
        self._role = role
        body = self._list("roles")
        rows = role_table.lines(courses, role, body.size.height)
        chosen = next((i for i, row in enumerate(rows) if (row.course.role, row.kind) == (role, "role")), -1)
        body.pointed = chosen >= 0
        columns = role_table.Columns.of(max(20, body.size.width - 1))
        line = self._line(columns.line)
        title = [f"Roles of {head_name(found.head)}", f"score over {line.unit}, 1 is full"]
        self._put("roles", title, rows, max(0, chosen), "No role of this head has a score above .05.")
        self._note("roles", "columns").say(columns.names(line, at.step, self.colours) if rows else Text())
        self._note("roles", "detail").say(self._details(courses, role, at.step))

    def _details(self, courses: list[one_head.Course], role: str | None, step: int | None) -> Text:
        """Below the table: the chosen role in full, and the roles that are not in it."""
        chosen = [role_table.detail(course, step) for course in courses if course.role == role and course.defined]
        lines = [Text(line) for line in chosen]
        return Text("\n").join(lines + [Text(line, self.colours.muted) for line in role_table.rest(courses, role)])

    def _role_line(self, row: role_table.RoleLine, width: int) -> Text:
        columns = role_table.Columns.of(width)
        head, step = (self._found[0].head or (0, 0), self._found[0].step) if self._found else ((0, 0), 0)
        return role_table.role_line(row, columns, self._line(columns.line), (head, step), self.colours)

    def _role_chosen(self) -> None:
        """By a click."""
        if row := self._list("roles").row:
            self.choose(role=row.course.role)

    def _show_circuits(self, at: Selection, found: OneHead) -> None:
        rows = circuit_strips.memberships(found.over.circuits, found.over.within)
        here = next((i for i, row in enumerate(rows) if row.task == at.task), -1)
        message = "The tasks' circuits that the head is in: none is computed yet for this model."
        self._put(
            "circuits", [f"Circuits with {head_name(found.head)}", f"over {self._line(1).unit}"], rows, here, message
        )
        columns = circuit_strips.Columns.of(max(20, self._list("circuits").size.width - 1), rows)
        line = columns.names(self._line(columns.strip), at.step, self.colours) if rows else Text()
        self._note("circuits", "columns").say(line)
        self._note("circuits", "detail").say(Text(circuit_strips.LEGEND if rows else "", self.colours.muted))

    def _strip(self, row: circuit_strips.Membership, width: int) -> Text:
        columns = circuit_strips.Columns.of(width, self._list("circuits").rows)
        tokens = {c.step: c.tokens for c in self._lines_of}
        return circuit_strips.strip(row, columns, self._line(columns.strip), tokens, self.colours)

    def _task_chosen(self) -> None:
        if row := self._list("circuits").row:
            self.choose(task=row.task)

    def _show_edges(self, at: Selection, found: OneHead) -> None:
        both = {"edges-in": found.edges.into, "edges-out": found.edges.out}
        self._largest = max((abs(finite(e.score) or 0.0) for edges in both.values() for e in edges), default=0.0)
        full = f"bar {signed(self._largest, digits_for(self._largest))}" if self._largest else ""
        for part, edges in both.items():
            title = [part.replace("-", " ").capitalize(), plain(at.task or "")]
            title += [f"{len(edges)} by {self._order}", full] if edges else []
            self._put(part, title, self._ordered(edges), self._cursor(at), self._no_edges(at, found, part))

    def _ordered(self, edges: list[queries.CircuitEdge]) -> list[queries.CircuitEdge]:
        return edges if self._order == "|score|" else sorted(edges, key=lambda e: "qkv".find(e.port or "-"))

    def _no_edges(self, at: Selection, found: OneHead, part: str) -> str:
        """Why there are none."""
        circuit, head = found.circuit, head_name(found.head)
        if at.task is None:
            return "What the head reads and writes in a task's circuit: no task has one yet."
        if circuit is None:
            return f"No circuit of {plain(at.task)} is computed at step {at.step}: {self._command(at, 'circuit')}"
        if not circuit.n_edges:
            return f"There is no circuit of {plain(at.task)} at step {at.step}: {plain(circuit.reason or 'no edges')}."
        if circuit.result not in found.over.within:
            return f"{head} is not in the circuit of {plain(at.task)} at step {at.step}."
        return f"{head} {'reads' if part == 'edges-in' else 'writes'} nothing in this circuit."

    def _edge_line(self, part: str, edge: queries.CircuitEdge, width: int) -> Text:
        into = part == "edges-in"
        other = _head_of(edge.src if into else edge.dst)
        roles = self._found[1].roles.get(other, ()) if self._found and self._found[1] and other else ()
        return head_edges.edge_line(edge, into, roles, self._largest, width, self.colours)

    def _show_attention(self, at: Selection, found: OneHead) -> None:
        prompts = found.attended.prompts if found.attended else []
        self.prompt %= max(1, len(prompts))
        which = f"prompt {self.prompt + 1} of {len(prompts)}" if prompts else ""
        title = ["Attention from the answer", plain(at.task or ""), which]
        looks = places(prompts[self.prompt]) if prompts else []
        self._put("attention", title, looks, 0, self._no_attention(at, found))

    def _no_attention(self, at: Selection, found: OneHead) -> str:
        if at.task is None:
            return "Heads look at the tokens of a task's prompts: none of them is computed yet."
        if found.attended is None:
            return f"Where heads look is not computed at step {at.step}: {self._command(at, 'heads')}"
        return f"undefined: {plain(found.attended.reason)}"

    def _token_line(self, look: queries.Look, width: int) -> Text:
        return attention_line(look, width, self.colours)

    def _show_effects(self, at: Selection, found: OneHead) -> None:
        rows = self._effects(at, found)
        unit = "effect, −1 as bad as corrupted" if any(row.sender for row in rows) else ""
        title = ["Path patching", plain(at.task or ""), unit]
        message = "Which heads act on this one, by patching paths on a task's prompts: no task is computed yet."
        self._put("effects", title, rows, self._cursor(at), message)

    def _effects(self, at: Selection, found: OneHead) -> list[Effect]:
        asked = self._asked_here(at)
        largest = max(map(head_edges.largest_effect, found.patches.values()), default=0.0)
        rows = []
        if at.task and not found.head[0]:
            rows.append(Effect(f"No head precedes {head_name(found.head)}: its q, k and v have no senders."))
        if asked and asked.refusal:
            rows.append(Effect(f"Nothing can be computed here: {plain(asked.refusal)}"))
        for to, patch in found.patches.items():
            if patch:
                rows += head_edges.of_set(to, patch, largest)
            else:
                waiting = asked.waiting(to, found.failed.get(to)) if asked else "not computed: P asks for it"
                rows.append(Effect(f"to {to}   {waiting}", True))
        return rows

    def _command(self, at: Selection, analysis: str) -> str:
        where = f"{plain(at.model)} --checkpoints {at.step} --analyses {analysis} --tasks {plain(at.task)}"
        return f"{self.main.program} run {where}"

    def show_part(self, name: str) -> None:
        self._current(name)
        super().show_part(name)

    @on(DescendantFocus)
    def _focused(self) -> None:
        """A click went to another part."""
        if self.part:
            self._current(self.part)

    def _current(self, name: str) -> None:
        """Where there is room for one part only, it takes the place of the other."""
        names = Text(no_wrap=True, overflow="ellipsis")
        for part in self.query(Part):
            part.set_class(part.id == name, "-current")
            accent = f"bold {self.colours.accent}" if part.id == name else ""
            names.append((part.id or "").replace("-", " "), accent).append("   ")
        self.query_one("#names", Note).say(names)

    def action_move(self, where: str) -> None:
        body = self._list(self.part) if self.part else None
        if body and self.part in _LISTS and where not in ("left", "right"):
            body.move(where)
        elif body and where in ("page_down", "page_up"):
            half = max(1, body.size.height // 2)
            body.scroll_relative(y=half if where == "page_down" else -half, animate=False)
        else:
            self._move_head(where)

    def _move_head(self, where: str) -> None:
        look = self.main.look
        if not look or not look.at.head or not look.held.model:
            return
        layers, heads = look.held.model["n_layers"] or 1, look.held.model["n_heads"] or 1
        (layer, head), last = look.at.head, (layers - 1, heads - 1)
        to: dict[str, Head] = {
            "up": (max(0, layer - 1), head),
            "down": (min(layers - 1, layer + 1), head),
            "left": (layer, max(0, head - 1)),
            "right": (layer, min(heads - 1, head + 1)),
            "first": (0, 0),
            "last": last,
        }
        self.choose(head=to[where])

    def action_open(self) -> None:
        """Go to the head at the other end of the line under the cursor."""
        row = self._list(self.part).row if self.part in _LISTS else None
        node = ""
        if isinstance(row, queries.CircuitEdge):
            node = row.src if self.part == "edges-in" else row.dst
        elif isinstance(row, Effect):
            node = row.sender
        if head := _head_of(node):
            self.choose(head=head)
        elif node:
            self.main.say(f"{node} is no head.")

    def action_sort(self) -> None:
        """Edges by |score|, or port by port."""
        self._order = "port" if self._order == "|score|" else "|score|"
        if self._found and self._found[1]:
            self._shown = ()
            self.draw()

    def action_match(self, by: int) -> None:
        """Another prompt; where there is room for one part only, it is the one that shows it."""
        self.prompt += by
        if not self.query_one("#attention", Part).size.height:
            self.show_part("attention")
        if self._found and self._found[1]:
            self._show_attention(*self._found)

    def action_patch(self) -> None:
        """Ask for the effects that are not computed yet."""
        look, found = self.main.look, self._found and self._found[1]
        if not look or not found or not look.at.task or look.at.head != found.head:
            return self.main.say("Paths run into a head, on the prompts of a task: none of them is computed yet.")
        if missing := [to for to, patch in found.patches.items() if patch is None]:
            if self.request is None:
                self.set_interval(POLL, self._look_after)
            self.request = PatchRequest(self.main, look.at, "press P")
            self.request.ask(self.app, missing, self.follow)
            self._look_after()
        else:
            self.main.say("All of it is computed.")

    def _look_after(self) -> None:
        """Say whether somebody still computes what was asked for."""
        if self._found and self._found[1] and self.stands:
            self._show_effects(*self._found)

    def views(self, at: Selection) -> dict[str, dict[str, Any]]:
        here = {"model": at.model, "step": at.step, "task": at.task}
        of_head = {"layer": at.head[0], "head": at.head[1]} if at.head else {}
        circuit = {"circuit": here} if at.task else {}
        of: dict[str, dict[str, dict[str, Any]]] = {
            "edges-in": circuit,
            "edges-out": circuit,
            "attention": {"attention": {**here, **of_head}} if at.task else {},
            "effects": {"patch": here} if at.task else {},
            "circuits": {"circuits": {"model": at.model}},
        }
        return of.get(self.part or "", {"history": {"model": at.model, **of_head}})

    def action_provenance(self) -> None:
        self.main.explain(_COMPUTED_BY.get(self.part or "", "patch" if self.part == "effects" else "heads"))

    def copied(self, row: bool) -> str:
        body = self._list(self.part) if self.part else None
        return _copied(body.row, self._found[0].step) if body and body.row is not None and self._found else ""


def _copied(row: Any, step: int | None) -> str:
    if isinstance(row, queries.CircuitEdge):
        return f"{row.src}->{row.dst}" + (f"<{row.port}>" if row.port else "")
    if isinstance(row, Effect):
        return f"{row.sender}\t{row.effect!r}" if row.sender else row.text
    if isinstance(row, queries.Look):
        return f"{plain(row.token)}\t{row.weight!r}"
    if isinstance(row, role_table.RoleLine):
        score = row.course.scores.get(step or 0)
        return "" if score is None or score.value is None else repr(score.value)
    return ""


def _head_of(node: str) -> Head | None:
    match = re.fullmatch(r"a(\d+)\.h(\d+)", node)
    return (int(match[1]), int(match[2])) if match else None
