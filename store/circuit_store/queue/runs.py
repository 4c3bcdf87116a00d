"""How the runs of a store go: progress for those who watch, and what came of a run."""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from circuit_store.json_columns import read_json
from circuit_store.queue.states import OPEN_RUNS, OPEN_UNITS, UNITS_UNDER_WAY, UnitState, one_of


@dataclass(frozen=True)
class Progress:
    """How far the open runs are."""

    total: int
    done: int
    failed: int
    queued: int
    current: str | None
    """What is under way, as `sample-0.2m@500 circuit`."""
    fraction: float
    """How far that is, 0 to 1."""
    seconds_a_unit: float | None
    """Mean over the finished units."""
    at_work: int = 1
    """Units under way at once; 1 if there is none."""

    @property
    def seconds_left(self) -> float | None:
        """Of those who work now; None while no unit is finished."""
        return seconds_left(self.total - self.done - self.failed - self.fraction, self.seconds_a_unit, self.at_work)


def seconds_left(units: float, seconds_a_unit: float | None, at_work: int) -> float | None:
    """Until so many units are done, by as many at once as are under way."""
    return None if seconds_a_unit is None else units * seconds_a_unit / max(1, at_work)


def progress(db: sqlite3.Connection, run: int | None = None) -> Progress | None:
    """Of one run, or of all runs that are not settled; None if there is none."""
    which = "run_id = ?" if run is not None else f"run_id IN (SELECT id FROM run WHERE state IN {one_of(OPEN_RUNS)})"
    given = () if run is None else (run,)
    counts = dict(db.execute(f"SELECT state, count(*) FROM unit WHERE {which} GROUP BY state", given).fetchall())
    if not counts:
        return None
    finished = f"SELECT avg(seconds) FROM unit WHERE {which} AND state = '{UnitState.DONE}'"
    mean = db.execute(finished, given).fetchone()[0]
    current = db.execute(
        "SELECT model.name || '@' || step || ' ' || coalesce(doing, ''), fraction FROM unit"
        " JOIN checkpoint ON checkpoint.id = checkpoint_id JOIN model ON model.id = model_id"
        f" WHERE {which} AND unit.state IN {one_of(UNITS_UNDER_WAY)} ORDER BY unit.id",
        given,
    ).fetchone()
    return Progress(
        total=sum(counts.values()),
        done=counts.get(UnitState.DONE, 0),
        failed=counts.get(UnitState.FAILED, 0),
        queued=counts.get(UnitState.QUEUED, 0),
        current=current[0] if current else None,
        fraction=current[1] if current else 0.0,
        seconds_a_unit=mean,
        at_work=max(1, sum(counts.get(state, 0) for state in UNITS_UNDER_WAY)),
    )


def run_state(db: sqlite3.Connection, run: int) -> str:
    return db.execute("SELECT state FROM run WHERE id = ?", (run,)).fetchone()[0]


def failures(db: sqlite3.Connection, run: int) -> list[tuple[str, int, str]]:
    """(model, step, reason) of each failed unit."""
    found = db.execute(
        "SELECT model.name, step, error FROM unit JOIN checkpoint ON checkpoint.id = checkpoint_id"
        f" JOIN model ON model.id = model_id WHERE run_id = ? AND state = '{UnitState.FAILED}' ORDER BY unit.id",
        (run,),
    )
    return [tuple(row) for row in found]


def computed(db: sqlite3.Connection, run: int, checkpoints: Sequence[int]) -> int:
    """How many of these a run has computed: others may have been for another run meanwhile."""
    found = db.execute(
        f"SELECT count(*) FROM unit WHERE run_id = ? AND state = '{UnitState.DONE}'"
        " AND checkpoint_id IN (SELECT value FROM json_each(?)) AND EXISTS (SELECT 1 FROM result"
        " WHERE result.checkpoint_id = unit.checkpoint_id AND result.run_id = unit.run_id)",
        (run, json.dumps(checkpoints)),
    )
    return found.fetchone()[0]


def undefined(db: sqlite3.Connection, run: int) -> list[tuple[str, int]]:
    """(reason, results) of what a run could not compute at all."""
    found = db.execute(
        "SELECT reason, count(*) FROM result WHERE run_id = ? AND reason IS NOT NULL"
        " AND id NOT IN (SELECT result_id FROM circuit UNION SELECT result_id FROM behaviour WHERE value IS NOT NULL)"
        " AND id NOT IN (SELECT result_id FROM head_score WHERE value IS NOT NULL) GROUP BY reason ORDER BY 2 DESC",
        (run,),
    )
    return [tuple(row) for row in found]


def listed(db: sqlite3.Connection, run: int | None = None) -> list[dict[str, Any]]:
    """Runs that are not forgotten, newest first, or one run: what was asked, how far it is, and where.

    `per_minute` is what those who work now finish, by the mean of the finished units; None while nobody works.
    """
    open_ones, under_way = (f"unit.state IN {one_of(some)}" for some in (OPEN_UNITS, UNITS_UNDER_WAY))
    done, failed = (f"unit.state = '{state}'" for state in (UnitState.DONE, UnitState.FAILED))
    found = db.execute(
        "SELECT run.id AS run, run.state, priority, request, slots, created, started, ended, host, pid, reason, log,"
        f" count(unit.id) AS units, total({done}) AS done, total({failed}) AS failed, total({open_ones}) AS open,"
        f" sum(unit.seconds) AS seconds, total({under_way}) AS at_work, total(fraction * ({under_way})) AS fraction,"
        f" avg(CASE WHEN {done} THEN unit.seconds END) AS seconds_a_unit"
        " FROM run LEFT JOIN unit ON unit.run_id = run.id WHERE (NOT hidden OR ?1) AND (run.id = ?1 OR ?1 IS NULL)"
        " GROUP BY run.id ORDER BY run.id DESC",
        (run,),
    )
    return [_of_run(dict(row)) for row in found]


def _of_run(row: dict[str, Any]) -> dict[str, Any]:
    request = read_json(row.pop("request"), "run.request", row["run"])
    slots = read_json(row.pop("slots") or "{}", "run.slots", row["run"])
    counts = {name: int(row[name]) for name in ("done", "failed", "open", "at_work")}
    mean, at_work = row["seconds_a_unit"], counts["at_work"]
    pace = {
        "per_minute": 60 * at_work / mean if mean and at_work else None,
        "seconds_left": seconds_left(counts["open"] - row["fraction"], mean, at_work) if at_work else None,
    }
    asked = {"models": request.get("models", []), "request": request, "slots": slots}
    return row | counts | pace | asked


def units(db: sqlite3.Connection, run: int) -> list[dict[str, Any]]:
    """Each unit of a run, in order: where it is and how it went."""
    found = db.execute(
        "SELECT model.name AS model, step, unit.state, doing, fraction, attempts, seconds, device, slot, heartbeat,"
        " error FROM unit JOIN checkpoint ON checkpoint.id = checkpoint_id JOIN model ON model.id = model_id"
        " WHERE run_id = ? ORDER BY unit.id",
        (run,),
    )
    return [dict(row) for row in found]
