"""The units of runs, one a checkpoint: the one runner of a store takes them and writes how they go.

They come by priority of the run and then in order; what is asked for by hand comes next, and a unit under way gives way
to it. What becomes of a unit is drawn in `states`.
"""

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from circuit_store.json_columns import read_json
from circuit_store.queue.states import UNITS_UNDER_WAY, WAITING, RunState, UnitState, move
from circuit_store.transactions import transaction

BY_HAND = 1000
"""Priority of a run that a person asks for by hand and waits for; above all that `--priority` takes."""
TRIES = 2
"""Workers that may die of a unit before it has failed."""


_ENDED = "doing = NULL, seconds = coalesce(seconds, 0) + :seconds"


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True)
class Unit:
    """A checkpoint to compute for a run, and how its runner says how it goes: each is one transaction."""

    db: sqlite3.Connection = field(repr=False, compare=False)
    id: int
    run: int
    checkpoint: int
    model: str
    step: int
    revision: str
    source: str
    suite: str
    request: dict[str, Any]
    crashes: int = 0
    """Workers that died of it."""

    def computing_on(self, device: str) -> None:
        with transaction(self.db):
            self.db.execute("UPDATE unit SET device = ? WHERE id = ?", (device, self.id))

    def doing(self, what: str, fraction: float) -> None:
        """Say what it is at and how far, for those who watch."""
        with transaction(self.db):
            also = "doing = :what, fraction = :fraction"
            move(self.db, UnitState.RUNNING, "id = :unit", also, unit=self.id, what=what, fraction=fraction)

    def finish(self, state: str, seconds: float, error: str | None = None) -> None:
        """It is `done`, or `failed` with an error."""
        with transaction(self.db):
            also = f"{_ENDED}, error = :error"
            move(self.db, UnitState(state), "id = :unit", also, unit=self.id, seconds=seconds, error=error)

    def crashed(self, seconds: float, reason: str) -> bool:
        """Note that a worker died of it: queue it once more, or let it fail. True if it is queued."""
        again = self.crashes + 1 < TRIES
        to, took = (UnitState.QUEUED, None) if again else (UnitState.FAILED, seconds)
        also = "doing = NULL, crashes = crashes + 1, seconds = :took, error = :reason"
        with transaction(self.db):
            move(self.db, to, "id = :unit", also, UNITS_UNDER_WAY, unit=self.id, took=took, reason=reason)
        return again

    def put_back(self, seconds: float) -> None:
        """Queue it after it gave way to another; what it took so far counts when it is finished."""
        with transaction(self.db):
            move(self.db, UnitState.QUEUED, "id = :unit", _ENDED, UNITS_UNDER_WAY, unit=self.id, seconds=seconds)


_NEXT = (
    "SELECT unit.id, run_id AS run, checkpoint_id AS checkpoint, model.name AS model, step, revision, source,"
    " suite, request, crashes FROM unit JOIN run ON run.id = run_id JOIN checkpoint ON checkpoint.id = checkpoint_id"
    f" JOIN model ON model.id = model_id WHERE {WAITING}"
    " AND checkpoint_id NOT IN (SELECT value FROM json_each(?)) ORDER BY priority DESC, run_id, unit.id"
)


def next_unit(db: sqlite3.Connection, busy: Iterable[int] = ()) -> Unit | None:
    """The unit that comes next, still queued; `busy` are checkpoints that others compute at this moment."""
    row = db.execute(_NEXT, (json.dumps(list(busy)),)).fetchone()
    return row and Unit(db, **{**dict(row), "request": read_json(row["request"], "run.request", row["run"])})


def wanted(db: sqlite3.Connection, source: str, revision: str) -> bool:
    """Whether a unit of that checkpoint waits in the queue."""
    waits = (
        "SELECT 1 FROM unit JOIN run ON run.id = run_id JOIN checkpoint c ON c.id = checkpoint_id"
        f" JOIN model ON model.id = model_id WHERE {WAITING} AND source = ? AND revision = ?"
    )
    return db.execute(waits, (source, revision)).fetchone() is not None


def take_unit(db: sqlite3.Connection, slot: str | None = None, busy: Iterable[int] = ()) -> Unit | None:
    """The next queued unit, now `loading` in a slot; None if there is none but of busy checkpoints."""
    with transaction(db):
        unit = next_unit(db, busy)
        if unit is None:
            return None
        begun = "doing = 'load', fraction = 0, attempts = attempts + 1, slot = :slot, heartbeat = :now"
        move(db, UnitState.LOADING, "id = :unit", begun, unit=unit.id, slot=slot, now=now())
        move(db, RunState.RUNNING, "id = :run", "started = coalesce(started, :now)", run=unit.run, now=now())
    return unit


_WAITING = (
    f"SELECT checkpoint_id FROM unit JOIN run ON run.id = run_id WHERE {WAITING}"
    " AND priority >= ? ORDER BY priority DESC, run_id, unit.id"
)
_AT_WORK = (
    "SELECT unit.id, checkpoint_id, priority FROM unit JOIN run ON run.id = run_id"
    " WHERE unit.id IN (SELECT value FROM json_each(?)) ORDER BY priority, unit.id DESC"
)


def to_give_way(db: sqlite3.Connection, under_way: Iterable[int], free: bool) -> int | None:
    """Which of the units under way stands in the way of what a person asked for by hand (`BY_HAND`), if any does.

    It is the one that computes the same checkpoint; else, where no slot is free, the last of the lowest priority. What
    waits for a checkpoint on which another such request is at work comes after that one.
    """
    at_work = db.execute(_AT_WORK, (json.dumps(list(under_way)),)).fetchall()
    by_hand = {row["checkpoint_id"] for row in at_work if row["priority"] >= BY_HAND}
    waiting = (row for row in db.execute(_WAITING, (BY_HAND,)).fetchall() if row["checkpoint_id"] not in by_hand)
    first = next(waiting, None)
    if first is None:
        return None
    same = [row for row in at_work if row["checkpoint_id"] == first["checkpoint_id"]]
    behind = same or ([] if free else at_work)
    return next((row["id"] for row in behind if row["priority"] < BY_HAND), None)


def requeue_orphans(db: sqlite3.Connection) -> None:
    """Queue what a dead runner had under way. Only the holder of the runner's lock may call this."""
    with transaction(db):
        move(db, UnitState.QUEUED, "TRUE", "doing = NULL", UNITS_UNDER_WAY)
