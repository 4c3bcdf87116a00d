"""Where the checkpoints of a model stand in the queue."""

import sqlite3

from circuit_store.queue.states import UNITS_UNDER_WAY, WAITING

_UNDER_WAY = ", ".join(f"'{state}'" for state in UNITS_UNDER_WAY)
_PLACES = f"""
WITH waiting AS (
  SELECT checkpoint_id, row_number() OVER (ORDER BY priority DESC, run_id, unit.id) AS place
  FROM unit JOIN run ON run.id = run_id WHERE {WAITING}
  UNION ALL
  SELECT checkpoint_id, 0 FROM unit WHERE unit.state IN ({_UNDER_WAY})
)
SELECT step, min(place) FROM waiting JOIN checkpoint ON checkpoint.id = checkpoint_id
JOIN model ON model.id = model_id WHERE model.name = ? GROUP BY step
"""


def places(db: sqlite3.Connection, model: str) -> dict[int, int]:
    """Step -> its place among all that wait, the next being 1; 0 of what is under way."""
    return {step: place for step, place in db.execute(_PLACES, (model,))}


def said(place: int) -> str:
    """`is computed now`, `is 3rd in the queue`."""
    if place == 0:
        return "is computed now"
    ending = "th" if place % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(place % 10, "th")
    return f"is {place}{ending} in the queue"
