"""Where one head looks from the answer position, prompt by prompt."""

import sqlite3
from dataclasses import dataclass

from circuit_store.queries.state import one_state
from circuit_store.queries.views import rows
from circuit_store.views import VIEWS


@dataclass(frozen=True)
class Attended:
    prompts: list[list[tuple[str, float]]]
    """Of each prompt its tokens up to the answer position, and the head's attention to each, 0 to 1."""
    reason: str | None = None
    """Why there are no prompts, or None."""


@one_state
def attended(db: sqlite3.Connection, model: str, step: int, task: str | None, head: tuple[int, int]) -> Attended | None:
    """None if it is not computed for that task there."""
    which, at = VIEWS["attention"], {"model": model, "step": step, "task": task}
    prompts: dict[int, list[tuple[str, float]]] = {}
    for row in rows(db, which, at | {"layer": head[0], "head": head[1]}):
        prompts.setdefault(row["prompt"], []).append((row["token"], row["weight"]))
    if prompts:
        return Attended(list(prompts.values()))
    undefined = rows(db, which, at | {"layer": None})
    return Attended([], undefined[0]["reason"]) if undefined else None
