"""How the model does the IOI task at this checkpoint, stage by stage, and what the task's circuit is made of.

A stage's percentage is the part of the paths' effect that the heads of its kinds account for, with its 95 % interval.
"""

import json
from typing import Any

from rich.text import Text

from circuit_store import queries
from circuit_tui import roles
from circuit_tui.screens.page import Page, words, wrapped
from circuit_tui.state import Look
from circuit_tui.widgets.circuit import KINDS
from circuit_tui.widgets.notation import bar, finite, plain, signed

_PORTS = ("q", "k", "v", "mlp", "logits")
_BAR = 12


class Algorithm(Page):
    BINDINGS = [("A", "dismiss", "Close"), ("comma", "step(-1)", "Back"), ("full_stop", "step(1)", "On")]

    def action_step(self, by: int) -> None:
        self.main.action_step(by)

    def heading(self, look: Look) -> str:
        return f"Algorithm · {plain(look.at.model)} step {look.at.step}   , . step"

    def write(self, look: Look) -> Text:
        return Text("\n").join([self._stages(look), self._composition(look)])

    def _stages(self, look: Look) -> Text:
        """Of the task that is looked at, if it has any; else of the one that has."""
        at = {"model": look.at.model, "step": look.at.step}
        found = queries.rows(look.db, queries.view("algorithm"), at)
        tasks = [row["task"] for row in found]
        rows = [row for row in found if row["task"] == (look.at.task if look.at.task in tasks else tasks[0])]
        if not rows:
            return Text("The IOI algorithm is not computed here:\n").append(wrapped(_command(at)))
        which = roles.differs(roles.set_of(rows[0]), rows[0]["task"])
        title = " · ".join(["Stages of the algorithm", plain(rows[0]["task"]), *which])
        lines = self.topic(title, "percent of the paths' effect")
        for row in rows:
            lines.append_text(self._stage(row))
        return lines.append(_emerged(rows[0]), self.colours.muted)

    def _stage(self, row: dict[str, Any]) -> Text:
        line = Text(f"{words(row['stage'] or 'stages'):<26}")
        if finite(row["percent"]) is None:
            return line.append("–\n").append(wrapped(f"undefined: {plain(row['reason'])}"), self.colours.muted)
        line.append(f"{signed(row['percent'], 1):>5} %  ").append(bar(row["percent"] / 100, _BAR), self.colours.accent)
        line.append(f" {signed(row['low'], 1)}..{signed(row['high'], 1)}\n", self.colours.muted)
        return line.append(wrapped(_heads(json.loads(row["heads"] or "{}"))))

    def _composition(self, look: Look) -> Text:
        at = {"model": look.at.model, "step": look.at.step, "task": look.at.task}
        rows = queries.rows(look.db, queries.view("composition"), at)
        if not rows:
            return Text(f"No circuit of {plain(look.at.task)} here.", self.colours.muted)
        lines = self.topic(f"Circuit · {plain(look.at.task)}", "percent of |score|, by where it is read")
        largest_first = sorted((row for row in rows if row["port"] is None), key=lambda r: -(r["share_of_score"] or 0))
        for kind in largest_first:
            lines.append_text(self._share(KINDS[kind["kind"]], kind, self.colours.accent))
            into = {row["port"]: row for row in rows if row["kind"] == kind["kind"]}
            for port in (port for port in _PORTS if port in into):
                lines.append_text(self._share(f"  into {port}", into[port], self.colours.muted))
        return lines

    def _share(self, name: str, row: dict[str, Any], colour: str) -> Text:
        share = finite(row["share_of_score"])
        line = Text(f"{name:<14}{row['nodes']:>4} nodes{row['edges']:>6,} edges")
        line.append(f"{share:>8.1%}  ".replace("%", " %") if share is not None else f"{'–':>10}  ")
        return line.append(bar(share or 0, _BAR), colour).append("\n")


def _heads(kinds: dict[str, list[str]]) -> str:
    """`name mover a2.h0 · negative name mover a3.h0`."""
    named = [f"{words(kind)} {', '.join(map(plain, heads))}" for kind, heads in kinds.items() if heads]
    return " · ".join(named) or "no head is of this kind"


def _emerged(row: dict[str, Any]) -> str:
    found = "after emergence: every stage has heads" if row["post_emergence"] else "not every stage has heads yet"
    return wrapped(f"{found}; the whole: {plain(row['universe'] or 'undefined')}", 0)


def _command(at: dict[str, Any]) -> str:
    return f"circuit-tui run {plain(at['model'])} --checkpoints {at['step']} --analyses algorithm"
