"""What another analysis needs of a stored result, so that it is not computed again."""

import sqlite3
from dataclasses import dataclass

_SCORES = "SELECT layer, head, value FROM head_score WHERE result_id = ? ORDER BY 1, 2"
_BY_PROMPT = "SELECT scores FROM head_by_prompt WHERE result_id = ?"
_EDGES = "SELECT src, port FROM circuit_edge WHERE result_id = ? ORDER BY 1, 2"


@dataclass(frozen=True)
class Held:
    """The scores of a role, or the edges of a circuit."""

    undefined: str | None = None
    """Why there are neither."""
    scores: tuple[tuple[int, int, float | None], ...] = ()
    """(layer, head, score) of every head."""
    by_prompt: bytes | None = None
    """Scores of each prompt, as `HeadScores` keeps them; None if they are not kept."""
    edges: tuple[tuple[int, int], ...] = ()
    """(source, port) of each edge."""
    threshold_reached: bool | None = None
    """By the circuit; None if that cannot be said, see `reason`."""
    reason: str | None = None


def held(db: sqlite3.Connection, key: str) -> Held:
    """Of the result under a key, which is there."""
    result, reason = db.execute("SELECT id, reason FROM result WHERE key = ?", (key,)).fetchone()
    scores = tuple(tuple(row) for row in db.execute(_SCORES, (result,)))
    by_prompt = db.execute(_BY_PROMPT, (result,)).fetchone()
    circuit = db.execute("SELECT threshold_reached FROM circuit WHERE result_id = ?", (result,)).fetchone()
    edges = tuple(tuple(row) for row in db.execute(_EDGES, (result,)))
    reached = None if circuit is None or circuit[0] is None else bool(circuit[0])
    undefined = None if scores or circuit else reason or "undefined"
    return Held(undefined, scores, by_prompt and by_prompt[0], edges, reached, reason)
