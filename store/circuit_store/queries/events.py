"""The events of a model's training: a task or a role comes or goes, or one head hands a role to another."""

import sqlite3
from dataclasses import dataclass

_MODEL = "(SELECT id FROM model WHERE name = :model)"
_EVENTS = f"""
SELECT step, CASE kind WHEN 'task' THEN 'acquired' ELSE 'gained' END, name, layer, head, NULL, NULL
FROM emergence WHERE model_id = {_MODEL} AND kind IN ('task', 'role') AND step IS NOT NULL
UNION
SELECT lost_step, 'lost', name, layer, head, NULL, NULL
FROM emergence WHERE model_id = {_MODEL} AND kind = 'role' AND lost_step IS NOT NULL
UNION
SELECT gained_step, 'handed on', role, from_layer, from_head, to_layer, to_head FROM handoff WHERE model_id = {_MODEL}
ORDER BY 1, 2, 3, 4, 5, 6, 7
"""
"""The head of a role that comes or goes is its earliest one."""


@dataclass(frozen=True)
class Event:
    step: int
    kind: str
    """`acquired` of a task; `gained`, `lost` or `handed on` of a role."""
    name: str
    """Of the task or role."""
    head: tuple[int, int] | None = None
    to: tuple[int, int] | None = None
    """Of a role that is handed on: the head that has it then."""


def events(db: sqlite3.Connection, model: str) -> list[Event]:
    """By step; none before a run has ended. Those of several parameter sets stand once where they agree."""
    found = db.execute(_EVENTS, {"model": model})
    return [Event(*row[:3], head=_head(*row[3:5]), to=_head(*row[5:])) for row in map(tuple, found)]


def _head(layer: int | None, head: int | None) -> tuple[int, int] | None:
    return None if layer is None or head is None else (layer, head)
