"""When a model's tasks and roles come, when heads lose them, and to whom: what a run computes at its end."""

from collections.abc import Callable
from functools import partial
from sqlite3 import Connection
from typing import Any

from rich.text import Text

from circuit_store import queries
from circuit_tui.explorer import role_display
from circuit_tui.explorer.screens.page import Page, wrapped
from circuit_tui.explorer.state import Selection
from circuit_tui.explorer.widgets.heads import badge
from circuit_tui.explorer.widgets.notation import cut, head_name, plain, short, words

_STALE = "The store holds newer results than these rest on: the next run brings them up to date."
_NONE = "Nothing is known yet: this is computed at the end of a run, from the results of all checkpoints."
_OF_ROLES = ("role", "role_in_circuit")


class Trends(Page):
    BINDINGS = [("W", "dismiss", "Close")]

    def needs(self, at: Selection) -> tuple[Any, ...]:
        return (at.model,)

    def heading(self, at: Selection) -> str:
        return f"When · {plain(at.model)}"

    def views(self, at: Selection) -> dict[str, dict[str, Any]]:
        return {view: {"model": at.model} for view in ("emergence", "handoffs")}

    def read(self, at: Selection) -> Callable[[Connection], Any]:
        return partial(_read, model=at.model)

    def write(self, at: Selection, found: tuple[list[dict[str, Any]], list[dict[str, Any]]]) -> Text:
        rows, passed = found
        if not rows:
            return Text(wrapped(_NONE, 0))
        stale = any(row["stale"] for row in rows)
        warning = Text(wrapped(_STALE, 0), self.colours.hurts).append("\n") if stale else Text()
        return warning + Text("\n").join([self._tasks(rows), self._roles(rows), self._handoffs(passed)])

    def _tasks(self, rows: list[dict[str, Any]]) -> Text:
        lines = self.topic("Tasks", "step and tokens at 50 %, and at 90 %, of the final metric")
        most = {row["name"]: row for row in rows if row["kind"] == "task_most"}
        for row in (row for row in rows if row["kind"] == "task"):
            lines.append_text(cut(f"  {plain(row['name'])}", 30))
            lines.append(f"{_when(row):>17}{_when(most.get(row['name'], {})):>17}\n")
            lines.append_text(self._reason(row))
        return lines

    def _roles(self, rows: list[dict[str, Any]]) -> Text:
        """The earliest head of each, and the earliest of its task's circuit."""
        lines = self.topic("Roles", "earliest head, step and tokens when gained, when lost")
        for name in role_display.ordered(dict.fromkeys(row["name"] for row in rows if row["kind"] == "role")):
            of_name = [row for row in rows if row["name"] == name and row["kind"] in _OF_ROLES]
            for task in (tasks := list(dict.fromkeys(row["task"] for row in of_name))):
                of_task = [row for row in of_name if row["task"] == task]
                lines.append_text(self._role(name, task if len(tasks) > 1 else "", of_task))
        return lines

    def _role(self, name: str, task: str, rows: list[dict[str, Any]]) -> Text:
        """`task` is named where there are several."""
        lines = Text()
        for row in rows:
            named = _named(name, task) if row["kind"] == "role" else cut("     in its circuit", 25)
            lines.append_text(named).append_text(self._course(row))
        raised = rows[0]["floor_from"] not in (None, "role")
        floor = [f"floor {rows[0]['floor']:.2f}, above chance at {plain(rows[0]['floor_from'])}"] if raised else []
        which = ", ".join([*role_display.differs(role_display.set_of(rows[0]), rows[0]["task"]), *floor])
        return lines.append(wrapped(which, 5) if which else "", self.colours.muted)

    def _course(self, row: dict[str, Any]) -> Text:
        head = head_name((row["layer"], row["head"])) if row["layer"] is not None else "–"
        line = Text(f" {head:<8}{_when(row):>15}{_when(row, 'lost_'):>15}\n")
        return line.append_text(self._reason(row))

    def _reason(self, row: dict[str, Any]) -> Text:
        return Text(wrapped(plain(row["reason"]), 5) if row["reason"] else "", self.colours.muted)

    def _handoffs(self, passed: list[dict[str, Any]]) -> Text:
        lines = self.topic("Hand-offs", "a head loses the role, another gains it")
        for row in passed:
            lines.append_text(cut(f"  {words(row['role'])}", 24))
            lost, gained = (head_name((row[f"{end}_layer"], row[f"{end}_head"])) for end in ("from", "to"))
            lines.append(f"{lost} at {row['lost_step']} → {gained} at {row['gained_step']}\n")
            if row["fall"] is not None:
                by_chance = f"{row['expected_by_chance']:.1f} of this role expected by chance"
                told = f"falls by {row['fall']:.2f}, rises by {row['rise']:.2f}; {by_chance}"
                lines.append(wrapped(told, 5), self.colours.muted)
        return lines if passed else lines.append("  none\n", self.colours.muted)


@queries.one_state
def _read(db: Connection, model: str | None) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    emergence, handoffs = (queries.rows(db, queries.view(name), {"model": model}) for name in ("emergence", "handoffs"))
    return emergence, handoffs


def _when(row: dict[str, Any], which: str = "") -> str:
    """`3250 (5.0M)`: step, and tokens if known."""
    step, tokens = row.get(f"{which}step"), row.get(f"{which}tokens")
    return "–" if step is None else f"{step} ({short(tokens)})" if tokens is not None else str(step)


def _named(role: str, task: str) -> Text:
    return badge(role).append_text(cut(f" {words(role)} {plain(task)}", 21))
