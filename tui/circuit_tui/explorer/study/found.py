"""What the study screen reads: all models on the task, or what else its series are, and the top heads of a role."""

from dataclasses import dataclass, field
from functools import cached_property
from sqlite3 import Connection
from typing import Any

from circuit_store import queries
from circuit_tui.explorer.state import Selection
from circuit_tui.explorer.widgets.heads import MOST
from circuit_tui.explorer.widgets.notation import plain

Row = dict[str, Any]
BY = {"models": "by model", "sizes": "by size, mean over seeds", "tasks": "by task"}
"""What the series of the first figures are."""


@dataclass(frozen=True)
class Found:
    known: tuple[Any, ...]
    """What `training` was read for."""
    training: queries.Training
    heads: queries.TopHeads
    by: str = "models"
    others: tuple[list[Row], list[Row]] = field(default=([], []))
    """Behaviour and size, if series are not models."""

    @cached_property
    def behaviour(self) -> dict[str, list[Row]]:
        return self._series(self.training.behaviour if self.by == "models" else self.others[0])

    @cached_property
    def size(self) -> dict[str, list[Row]]:
        return self._series(self.training.size if self.by == "models" else self.others[1])

    def _series(self, rows: list[Row]) -> dict[str, list[Row]]:
        found: dict[str, list[Row]] = {}
        for row in rows:
            found.setdefault(self._name(row), []).append(row)
        order = self.training.models
        return {name: found[name] for name in sorted(found, key=order.index)} if self.by == "models" else found

    def _name(self, row: Row) -> str:
        if self.by == "sizes":
            return " ".join(plain(row[part]) for part in ("family", "size", "variant") if row[part])
        return row["model" if self.by == "models" else "task"]

    @property
    def models(self) -> list[str]:
        """Those with anything to draw, from the smallest to the largest."""
        lists = (self.training.behaviour, self.training.size, self.training.emergence, self.training.stages)
        known = {row["model"] for rows in lists for row in rows}
        return [model for model in self.training.models if model in known]


@queries.one_state
def read(db: Connection, at: Selection, by: str, wanted: tuple[Any, ...], before: Found | None) -> Found:
    """`before`: what was read last; what it holds of all models is not read again for the same."""
    training = before.training if before and before.known == wanted else queries.training(db, at.task)
    heads = queries.top_heads(db, at.model, at.role, at.task, MOST) if at.model and at.role else queries.TopHeads()
    others: tuple[list[Row], list[Row]] = ([], [])
    if by == "tasks" and at.model:
        others = queries.of_tasks(db, at.model)
    elif by == "sizes":
        rows = queries.of_sizes(db, at.task)
        behaviour, size = ([row for row in rows if row["quantity"] == of] for of in ("behaviour", "n_edges"))
        others = behaviour, size
    return Found(wanted, training, heads, by, others)
