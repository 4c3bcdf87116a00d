"""How the model does the task at this checkpoint, and what the task's circuit is made of.

Of IOI the stages of its algorithm: a percentage is the part of the paths' effect that the heads of its kinds account
for, with its 95 % interval, that of random heads of the same layers, and the sum of the effects with its sign.
Of greater-than what the circuit's heads and MLPs do with years.
"""

import json
from collections.abc import Callable
from functools import partial
from sqlite3 import Connection
from typing import Any

from rich.text import Text

from circuit_store import queries
from circuit_tui.explorer import role_display
from circuit_tui.explorer.screens.page import WIDTH, Page, wrapped
from circuit_tui.explorer.state import Selection
from circuit_tui.explorer.widgets import composition
from circuit_tui.explorer.widgets.notation import bar, finite, plain, signed, words

_BAR = 12
_OF_YEARS = {
    "greater_than": ("looks at YY", "raises YY, YY+1"),
    "greater_than_digit": ("looks at tens", "raises it, +1"),
}
"""The built-in tasks of years, and what their heads are asked."""


class Algorithm(Page):
    BINDINGS = [("A", "dismiss", "Close"), ("comma", "step(-1)", "Back"), ("full_stop", "step(1)", "On")]

    def action_step(self, by: int) -> None:
        self.main.action_step(by)

    def heading(self, at: Selection) -> str:
        return f"Algorithm · {plain(at.model)} step {at.step}   , . step"

    def views(self, at: Selection) -> dict[str, dict[str, Any]]:
        here = {"model": at.model, "step": at.step}
        of_task = here | {"task": at.task}
        stages = {"greater_than": of_task} if _built_in(at.task) in _OF_YEARS else {"algorithm": here}
        return stages | ({"composition": of_task} if at.task else {})

    def read(self, at: Selection) -> Callable[[Connection], Any]:
        return partial(_read, at=at)

    def write(self, at: Selection, found: dict[str, list[dict[str, Any]]]) -> Text:
        first = self._years(at, found["greater_than"]) or self._stages(at, found["algorithm"])
        return Text("\n").join([first, self._composition(at, found["composition"])])

    def _years(self, at: Selection, rows: list[dict[str, Any]]) -> Text | None:
        """Of the task that is looked at, if it is one of years."""
        if not rows:
            missing = self.missing("What its circuit does with years is", self._command(at, at.task))
            return missing if _built_in(at.task) in _OF_YEARS else None
        lines = self.topic(f"Years in the circuit · {plain(at.task)}", "at the answer position")
        if reason := rows[0]["reason"]:
            return lines.append(wrapped(f"undefined: {plain(reason)}"), self.colours.muted)
        looks, raises = _OF_YEARS.get(_built_in(at.task), _OF_YEARS["greater_than"])
        lines.append(f"{'':<10}{looks:>14}{raises:>18}\n", self.colours.muted)
        for row in (row for row in rows if not _is_mlp(row)):
            lines.append(f"{row['node']:<10}{_share(row['looks_at_year']):>14}{_share(row['raises_year']):>18}\n")
        lines.append(f"{'':<10}{'later years minus others':>32}\n", self.colours.muted)
        for row in (row for row in rows if _is_mlp(row)):
            lines.append(f"{row['node']:<10}{signed(row['later_minus_others'], 2):>26} logit\n")
        return lines

    def _stages(self, at: Selection, found: list[dict[str, Any]]) -> Text:
        """Of the task that is looked at, if it has any; else of the one that has."""
        tasks = [row["task"] for row in found]
        rows = [row for row in found if row["task"] == (at.task if at.task in tasks else tasks[0])]
        if not rows:
            return self.missing("The IOI algorithm is", self._command(at))
        which = role_display.differs(role_display.set_of(rows[0]), rows[0]["task"])
        title = " · ".join(["Stages of the algorithm", plain(rows[0]["task"]), *which])
        lines = self.topic(title, "percent of the paths' effect")
        for row in rows:
            lines.append_text(self._stage(row))
        emerged = {
            1: "after emergence: heads of every stage are in the circuit",
            0: "not every stage has heads in the circuit yet",
            None: "after emergence or not: the circuit or a stage is not known",
        }[rows[0]["post_emergence"]]
        said = f"{emerged}; the whole: {plain(rows[0]['universe'] or 'undefined')}"
        return lines.append(wrapped(said, 0), self.colours.muted)

    def _stage(self, row: dict[str, Any]) -> Text:
        line = Text(f"{words(row['stage'] or 'stages'):<26}")
        if finite(row["percent"]) is None:
            return line.append("–\n").append(wrapped(f"undefined: {plain(row['reason'])}"), self.colours.muted)
        line.append(f"{signed(row['percent'], 1):>5} %  ").append(bar(row["percent"] / 100, _BAR), self.colours.accent)
        interval = "" if row["low"] is None else f" {signed(row['low'], 1)}..{signed(row['high'], 1)}"
        line.append(f"{interval}\n", self.colours.muted)
        line.append(wrapped(_heads(json.loads(row["heads"] or "{}"))))
        if row["percent_random"]:
            random = f"random heads {signed(row['percent_random'], 1)} %"
            effect = f"effects add up to {signed(row['effect'], 2)} of the damage"
            line.append(wrapped(f"{random} · {effect}"), self.colours.muted)
        return line.append(wrapped(plain(row["note"])), self.colours.muted) if row["note"] else line

    def _composition(self, at: Selection, rows: list[dict[str, Any]]) -> Text:
        if not rows:
            return Text(f"No circuit of {plain(at.task)} here.", self.colours.muted)
        lines = self.topic(f"Circuit · {plain(at.task)}", composition.UNIT)
        for row in composition.ordered(rows):
            lines.append_text(composition.line(row, WIDTH, self.colours)).append("\n")
        return lines

    def _command(self, at: Selection, task: str | None = None) -> str:
        tasks = f" --tasks {plain(task)}" if task else ""
        return f"{self.main.program} run {plain(at.model)} --checkpoints {at.step} --analyses algorithm{tasks}"


@queries.one_state
def _read(db: Connection, at: Selection) -> dict[str, list[dict[str, Any]]]:
    """The rows of each view that the page is of."""
    here = {"model": at.model, "step": at.step}
    narrowed = {"greater_than": here | {"task": at.task}, "algorithm": here, "composition": here | {"task": at.task}}
    return {view: queries.rows(db, queries.view(view), filters) for view, filters in narrowed.items()}


def _built_in(task: str | None) -> str:
    """A task's name without what says that its prompts begin with a BOS token."""
    return (task or "").removesuffix("+bos")


def _is_mlp(row: dict[str, Any]) -> bool:
    return row["node"].startswith("m")


def _share(value: float | None) -> str:
    return f"{signed(None if value is None else 100 * value, 0)} %"


def _heads(kinds: dict[str, list[str]]) -> str:
    """`name mover a2.h0 · negative name mover a3.h0`."""
    named = [f"{words(kind)} {', '.join(map(plain, heads))}" for kind, heads in kinds.items() if heads]
    return " · ".join(named) or "no head is of this kind"
