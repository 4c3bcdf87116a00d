"""What is to be computed: models and checkpoints, runs, and their units, one a checkpoint.

The command line and the explorer write requests and cancel flags; the one runner of a store takes units, one after
another, and writes their states. A unit goes queued -> loading -> running -> done, failed or cancelled; a unit that a
dead runner left behind is queued again by the next.
"""

import json
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from circuit_store.errors import UnknownName
from circuit_store.store import transaction

OPEN = ("queued", "loading", "running")


@dataclass(frozen=True)
class Model:
    """A model as the store knows it: a name for a folder (or a hub id) of checkpoints."""

    name: str
    suite: str
    source: str
    pattern: str | None
    tokens_per_step: int | None
    params: int | None
    n_layers: int | None
    n_heads: int | None
    d_model: int | None
    parallel: bool | None


@dataclass(frozen=True)
class Checkpoint:
    step: int
    tokens: int | None
    revision: str


@dataclass(frozen=True)
class Unit:
    """A checkpoint to compute for a run."""

    id: int
    run: int
    checkpoint: int
    model: str
    step: int
    revision: str
    source: str
    request: dict[str, Any]


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def add_model(db: sqlite3.Connection, model: Model, checkpoints: list[Checkpoint]) -> dict[int, int]:
    """Note a model and its checkpoints; known ones keep their results. Returns step -> checkpoint id.

    Raises:
        UnknownName: the name stands for another source, or cannot be part of an address.
    """
    if not model.name.strip() or "@" in model.name or not model.name.isprintable():
        raise UnknownName(
            f"{model.name!r} cannot be the name of a model (no @, not empty): "
            f"choose another with `circuit-tui models add NAME {model.source}`."
        )
    with transaction(db):
        held = db.execute("SELECT source, suite FROM model WHERE name = ?", (model.name,)).fetchone()
        if held and held["source"] != model.source and "folder" in (model.suite, held["suite"]):
            raise UnknownName(
                f"The name {model.name} stands for {held['source']}, not for {model.source}: "
                f"choose another with `circuit-tui models add NAME {model.source}`."
            )
        fields = list(Model.__annotations__)
        values = [getattr(model, f) for f in fields]
        updates = ", ".join(f"{f} = excluded.{f}" for f in fields if f != "name")
        db.execute(
            f"INSERT INTO model ({', '.join(fields)}) VALUES ({', '.join('?' * len(fields))})"
            f" ON CONFLICT (name) DO UPDATE SET {updates}",
            values,
        )
        model_id = db.execute("SELECT id FROM model WHERE name = ?", (model.name,)).fetchone()["id"]
        db.executemany(
            "INSERT INTO checkpoint (model_id, step, tokens, revision) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (model_id, step) DO UPDATE SET tokens = excluded.tokens, revision = excluded.revision",
            [(model_id, c.step, c.tokens, c.revision) for c in checkpoints],
        )
        return dict(db.execute("SELECT step, id FROM checkpoint WHERE model_id = ?", (model_id,)).fetchall())


def held_model(db: sqlite3.Connection, name: str) -> Model | None:
    row = db.execute(f"SELECT {', '.join(Model.__annotations__)} FROM model WHERE name = ?", (name,)).fetchone()
    return Model(**dict(row)) if row else None


def model_at(db: sqlite3.Connection, source: str) -> str | None:
    """Name under which a folder is known."""
    row = db.execute("SELECT name FROM model WHERE source = ? ORDER BY id", (source,)).fetchone()
    return row and row["name"]


def add_run(db: sqlite3.Connection, request: dict[str, Any], checkpoints: list[int]) -> int:
    """Queue a unit for each checkpoint; an open run of the same request is taken up again instead."""
    text = json.dumps(request, sort_keys=True)
    with transaction(db):
        same = db.execute(
            "SELECT id FROM run WHERE request = ? AND NOT cancel AND state IN ('queued', 'running', 'interrupted')",
            (text,),
        )
        if row := same.fetchone():
            run = row["id"]
        else:
            cursor = db.execute("INSERT INTO run (request, state, created) VALUES (?, 'queued', ?)", (text, now()))
            run = cursor.lastrowid
        db.executemany(
            "INSERT INTO unit (run_id, checkpoint_id) VALUES (?, ?) ON CONFLICT (run_id, checkpoint_id) DO UPDATE"
            " SET state = 'queued', error = NULL WHERE state IN ('failed', 'cancelled', 'interrupted')"
            " OR (SELECT state FROM run WHERE id = run_id) = 'interrupted'",
            [(run, c) for c in checkpoints],
        )
        db.execute("UPDATE run SET cancel = 0, state = 'queued' WHERE id = ? AND state = 'interrupted'", (run,))
    assert run is not None
    return run


def take_unit(db: sqlite3.Connection) -> Unit | None:
    """The next queued unit of the oldest run, now `loading`; None if nothing is queued."""
    with transaction(db):
        row = db.execute(
            "SELECT unit.id, run_id AS run, checkpoint_id AS checkpoint, model.name AS model, step, revision, source,"
            " request FROM unit JOIN run ON run.id = run_id JOIN checkpoint ON checkpoint.id = checkpoint_id"
            " JOIN model ON model.id = model_id WHERE unit.state = 'queued' AND NOT cancel ORDER BY run_id, unit.id"
        ).fetchone()
        if row is None:
            return None
        db.execute(
            "UPDATE unit SET state = 'loading', doing = 'load', fraction = 0, attempts = attempts + 1 WHERE id = ?",
            (row["id"],),
        )
        db.execute("UPDATE run SET state = 'running', started = coalesce(started, ?) WHERE id = ?", (now(), row["run"]))
    return Unit(**{**dict(row), "request": json.loads(row["request"])})


def doing(db: sqlite3.Connection, unit: Unit, what: str, fraction: float) -> None:
    """Say what a unit is at and how far, for those who watch."""
    with transaction(db):
        db.execute("UPDATE unit SET state = 'running', doing = ?, fraction = ? WHERE id = ?", (what, fraction, unit.id))


def finish_unit(db: sqlite3.Connection, unit: Unit, state: str, seconds: float, error: str | None = None) -> None:
    with transaction(db):
        db.execute(
            "UPDATE unit SET state = ?, doing = NULL, seconds = ?, error = ? WHERE id = ?",
            (state, seconds, error, unit.id),
        )


def computing_on(db: sqlite3.Connection, unit: Unit, device: str) -> None:
    with transaction(db):
        db.execute("UPDATE unit SET device = ? WHERE id = ?", (device, unit.id))


def checkpoint_loaded(
    db: sqlite3.Connection, checkpoint: int, status: str, fingerprint: str | None = None, detail: str | None = None
) -> None:
    """What loading showed: `ok` with a fingerprint, or `unreadable`, `missing` or `mismatch` with the reason."""
    with transaction(db):
        db.execute(
            "UPDATE checkpoint SET status = ?, fingerprint = coalesce(?, fingerprint), detail = ? WHERE id = ?",
            (status, fingerprint, detail, checkpoint),
        )


def describe_runner(db: sqlite3.Connection, run: int, host: str, pid: int, versions: dict[str, str]) -> None:
    """Note who computes a run, and with what."""
    with transaction(db):
        db.execute(
            "UPDATE run SET host = ?, pid = ?, versions = ? WHERE id = ?",
            (host, pid, json.dumps(versions, sort_keys=True), run),
        )


def close_runs(db: sqlite3.Connection) -> None:
    """Settle every run without open units: done, failed or cancelled by what its units are."""
    with transaction(db):
        db.execute(
            "UPDATE unit SET state = 'cancelled' WHERE state = 'queued' AND run_id IN (SELECT id FROM run WHERE cancel)"
        )
        db.execute(
            "UPDATE run SET ended = ?, state = CASE WHEN cancel THEN 'cancelled' WHEN EXISTS (SELECT 1 FROM unit WHERE"
            " run_id = run.id AND state = 'failed') THEN 'failed' ELSE 'done' END WHERE state IN ('queued', 'running')"
            f" AND NOT EXISTS (SELECT 1 FROM unit WHERE run_id = run.id AND state IN {OPEN})",
            (now(),),
        )


def requeue_orphans(db: sqlite3.Connection) -> None:
    """Queue what a dead runner had under way. Only the holder of the runner's lock may call this."""
    with transaction(db):
        db.execute("UPDATE unit SET state = 'queued', doing = NULL WHERE state IN ('loading', 'running')")


def cancel(db: sqlite3.Connection, run: int) -> None:
    with transaction(db):
        db.execute("UPDATE run SET cancel = 1 WHERE id = ?", (run,))


def cancelled(db: sqlite3.Connection, run: int) -> bool:
    return bool(db.execute("SELECT cancel FROM run WHERE id = ?", (run,)).fetchone()[0])


def interrupt(db: sqlite3.Connection, run: int) -> None:
    """Leave a run for later: its unfinished units wait for the next request that asks the same."""
    with transaction(db):
        db.execute(
            f"UPDATE unit SET state = 'interrupted', doing = NULL WHERE run_id = ? AND state IN {OPEN}",
            (run,),
        )
        db.execute("UPDATE run SET state = 'interrupted' WHERE id = ?", (run,))
