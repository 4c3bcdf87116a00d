"""Every question that the explorer and the command line ask of a store, one function each.

All read through the standard library's sqlite3, return plain rows or lists, and compute nothing.
"""

import json
import sqlite3
from dataclasses import dataclass
from typing import Any

from circuit_store.errors import UnknownName
from circuit_store.views import VIEWS, View

CHOICES = {
    "run": "result.run_id = ?",
    "method": "(analysis != 'circuit' OR json_extract(result.params, '$.method') = ?)",
    "ig_rule": "(analysis != 'circuit' OR json_extract(result.params, '$.ig_rule') = ?)",
    "ig_steps": "(analysis != 'circuit' OR json_extract(result.params, '$.ig_steps') = ?)",
    "search": "(analysis != 'circuit' OR json_extract(result.params, '$.search') = ?)",
}
"""Which of several results may answer; without a choice the newest does."""


def view(name: str) -> View:
    """Raises: UnknownName."""
    if name not in VIEWS:
        raise UnknownName(f"There is no view {name}: choose one of {', '.join(VIEWS)}.")
    return VIEWS[name]


def rows(
    db: sqlite3.Connection, which: View, filters: dict[str, Any] | None = None, choices: dict[str, Any] | None = None
) -> list[dict[str, Any]]:
    """The rows of a view, filtered by equality; the columns in the view's order."""
    filters, choices = filters or {}, {k: v for k, v in (choices or {}).items() if v is not None}
    narrow = [CHOICES[c] for c in choices]
    narrowed = list(choices.values())
    if "model" in filters:
        narrow.append(
            "checkpoint_id IN (SELECT checkpoint.id FROM checkpoint JOIN model ON model.id = model_id"
            " WHERE model.name = ?)"
        )
        narrowed.append(filters["model"])
    where = " AND ".join(f"{column} = ?" for column in filters)
    found = db.execute(which.statement(" AND ".join(narrow), where), (*narrowed, *filters.values()))
    return [dict(row) for row in found]


def resolve_step(db: sqlite3.Connection, model: str, step: str | int) -> int:
    """The step that an address names; `final` is the last.

    Raises:
        UnknownName: no such model or step; says which there are.
    """
    steps = [c.step for c in checkpoints(db, model)]
    if step == "final" and steps:
        return steps[-1]
    if str(step).isdecimal() and int(step) in steps:
        return int(step)
    some = ", ".join(map(str, steps if len(steps) <= 20 else [*steps[:8], "...", *steps[-4:]]))
    raise UnknownName(f"{model} has no step {step}: choose one of {some}, or final.")


def check_model(db: sqlite3.Connection, model: str) -> None:
    """Raises: UnknownName, naming the models of the store."""
    names = [row[0] for row in db.execute("SELECT name FROM model ORDER BY name")]
    if model not in names:
        known = ", ".join(names) if names else "none yet"
        raise UnknownName(
            f"The store holds no model {model}: it holds {known}; `circuit-tui run {model}` computes one."
        )


@dataclass(frozen=True)
class CheckpointRow:
    step: int
    tokens: int | None
    status: str | None
    detail: str | None
    computed: bool


def checkpoints(db: sqlite3.Connection, model: str) -> list[CheckpointRow]:
    """The checkpoints of a model by step. Raises: UnknownName."""
    check_model(db, model)
    computed = {
        row[0]
        for row in db.execute(
            "SELECT DISTINCT step FROM result JOIN checkpoint ON checkpoint.id = checkpoint_id"
            " JOIN model ON model.id = model_id WHERE model.name = ?",
            (model,),
        )
    }
    found = rows(db, VIEWS["checkpoints"], {"model": model})
    return [CheckpointRow(r["step"], r["tokens"], r["status"], r["detail"], r["step"] in computed) for r in found]


def roles(db: sqlite3.Connection, model: str) -> list[str]:
    """Roles with results, in the order in which they were first computed."""
    return _distinct(db, "role", "heads", model)


def tasks(db: sqlite3.Connection, model: str) -> list[str]:
    """Tasks with results."""
    return _distinct(db, "task.name", "behaviour", model)


def _distinct(db: sqlite3.Connection, column: str, analysis: str, model: str) -> list[str]:
    found = db.execute(
        f"SELECT {column}, min(result.id) FROM result LEFT JOIN task ON task.id = task_id"
        " JOIN checkpoint ON checkpoint.id = checkpoint_id JOIN model ON model.id = model_id"
        f" WHERE analysis = ? AND model.name = ? AND {column} IS NOT NULL GROUP BY 1 ORDER BY 2",
        (analysis, model),
    )
    return [row[0] for row in found]


@dataclass(frozen=True)
class HeadGrid:
    """Scores of one role at one checkpoint."""

    values: list[list[float | None]]
    """[layer][head]; None where nothing is computed."""
    reason: str | None
    """Why the role is undefined here, or None."""
    computed: bool


def head_grid(db: sqlite3.Connection, model: str, step: int, role: str) -> HeadGrid:
    shape = db.execute("SELECT n_layers, n_heads FROM model WHERE name = ?", (model,)).fetchone()
    values: list[list[float | None]] = [[None] * (shape["n_heads"] or 0) for _ in range(shape["n_layers"] or 0)]
    found = rows(db, VIEWS["heads"], {"model": model, "step": step, "role": role})
    for row in found:
        if row["layer"] is not None:
            values[row["layer"]][row["head"]] = row["value"]
    return HeadGrid(values, found[0]["reason"] if found else None, bool(found))


@dataclass(frozen=True)
class Point:
    step: int
    tokens: int | None
    value: float | None


def head_history(db: sqlite3.Connection, model: str, role: str, layer: int, head: int) -> list[Point]:
    """One head's score over training."""
    found = rows(db, VIEWS["history"], {"model": model, "role": role, "layer": layer, "head": head})
    return [Point(r["step"], r["tokens"], r["value"]) for r in found]


def behaviour(db: sqlite3.Connection, model: str, task: str) -> list[dict[str, Any]]:
    """How well a task is done over training, by step; the columns of the view `behaviour`."""
    return rows(db, VIEWS["behaviour"], {"model": model, "task": task})


@dataclass(frozen=True)
class CircuitEdge:
    src: str
    dst: str
    port: str | None
    score: float


@dataclass(frozen=True)
class CircuitOf:
    header: dict[str, Any]
    """The columns of the view `circuit`'s header."""
    into: dict[str, list[CircuitEdge]]
    """Reader -> the edges into it, largest |score| first."""


def circuit(db: sqlite3.Connection, model: str, step: int, task: str) -> CircuitOf | None:
    """The circuit of a checkpoint; None if none was computed."""
    at = {"model": model, "step": step, "task": task}
    which = VIEWS["circuit"]
    assert which.header is not None
    header = rows(db, which.header, at)
    if not header:
        return None
    into: dict[str, list[CircuitEdge]] = {}
    for row in rows(db, which, at):
        into.setdefault(row["dst"], []).append(CircuitEdge(row["src"], row["dst"], row["port"], row["score"]))
    return CircuitOf(header[0], into)


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


def progress(db: sqlite3.Connection, run: int | None = None) -> Progress | None:
    """Of one run, or of all runs that are not settled; None if there is none."""
    which = "run_id = ?" if run is not None else "run_id IN (SELECT id FROM run WHERE state IN ('queued', 'running'))"
    given = () if run is None else (run,)
    counts = dict(db.execute(f"SELECT state, count(*) FROM unit WHERE {which} GROUP BY state", given).fetchall())
    if not counts:
        return None
    mean = db.execute(f"SELECT avg(seconds) FROM unit WHERE {which} AND state = 'done'", given).fetchone()[0]
    current = db.execute(
        "SELECT model.name || '@' || step || ' ' || coalesce(doing, ''), fraction FROM unit"
        " JOIN checkpoint ON checkpoint.id = checkpoint_id JOIN model ON model.id = model_id"
        f" WHERE {which} AND unit.state IN ('loading', 'running')",
        given,
    ).fetchone()
    return Progress(
        total=sum(counts.values()),
        done=counts.get("done", 0),
        failed=counts.get("failed", 0),
        queued=counts.get("queued", 0),
        current=current[0] if current else None,
        fraction=current[1] if current else 0.0,
        seconds_a_unit=mean,
    )


def run_state(db: sqlite3.Connection, run: int) -> str:
    return db.execute("SELECT state FROM run WHERE id = ?", (run,)).fetchone()[0]


def failures(db: sqlite3.Connection, run: int) -> list[tuple[str, int, str]]:
    """(model, step, reason) of each failed unit."""
    found = db.execute(
        "SELECT model.name, step, error FROM unit JOIN checkpoint ON checkpoint.id = checkpoint_id"
        " JOIN model ON model.id = model_id WHERE run_id = ? AND state = 'failed' ORDER BY unit.id",
        (run,),
    )
    return [tuple(row) for row in found]


def strong_roles(db: sqlite3.Connection, model: str, step: int, least: float = 0.5) -> dict[tuple[int, int], str]:
    """(layer, head) -> the role in which a head scores highest at a checkpoint, for heads that reach `least`."""
    narrow = (
        "checkpoint_id = (SELECT checkpoint.id FROM checkpoint JOIN model ON model.id = model_id"
        " WHERE name = ? AND step = ?)"
    )
    found = db.execute(VIEWS["heads"].statement(narrow, "value >= ?"), (model, step, least)).fetchall()
    return {(row["layer"], row["head"]): row["role"] for row in sorted(found, key=lambda row: row["value"])}


@dataclass(frozen=True)
class Provenance:
    """Where a number comes from."""

    facts: dict[str, Any]
    """What was computed, on what, how, when and with which versions; empty fields are left out."""
    params: dict[str, Any]
    """The analysis' parameters."""


def provenance(
    db: sqlite3.Connection, model: str, step: int, analysis: str, role: str | None = None, task: str | None = None
) -> Provenance | None:
    """Of the newest result that answers; None if there is none."""
    row = db.execute(
        "SELECT model.name AS model, step, revision, source, result.fingerprint, analysis, role, task.name AS task,"
        " task.hash AS task_hash, prepend_bos, dtype, device, threads, run_id AS run, round(seconds, 2) AS seconds,"
        " started, ended, host, versions, result.params, reason"
        " FROM result JOIN checkpoint ON checkpoint.id = result.checkpoint_id JOIN model ON model.id = model_id"
        " JOIN run ON run.id = result.run_id LEFT JOIN task ON task.id = task_id"
        " WHERE model.name = ? AND step = ? AND analysis = ? AND (? IS NULL OR role = ?)"
        " AND (? IS NULL OR task.name = ?)"
        " ORDER BY result.id DESC",
        (model, step, analysis, role, role, task, task),
    ).fetchone()
    if row is None:
        return None
    facts = dict(row)
    params = json.loads(facts.pop("params"))
    return Provenance({name: value for name, value in facts.items() if value is not None}, params)


def data_version(db: sqlite3.Connection) -> int:
    """Changes whenever another connection has written."""
    return db.execute("PRAGMA data_version").fetchone()[0]


def held(db: sqlite3.Connection, column: str, model: str | None = None) -> list[str]:
    """All tasks or roles with results, of one model or of any."""
    name = {"task": "task.name", "role": "role"}[column]
    found = db.execute(
        f"SELECT DISTINCT {name} FROM result LEFT JOIN task ON task.id = task_id"
        " JOIN checkpoint ON checkpoint.id = checkpoint_id JOIN model ON model.id = model_id"
        f" WHERE {name} IS NOT NULL AND model.name = coalesce(?, model.name) ORDER BY 1",
        (model,),
    )
    return [row[0] for row in found]


def undefined(db: sqlite3.Connection, run: int) -> list[tuple[str, int]]:
    """(reason, results) of what a run could not compute at all."""
    found = db.execute(
        "SELECT reason, count(*) FROM result WHERE run_id = ? AND reason IS NOT NULL"
        " AND id NOT IN (SELECT result_id FROM circuit) GROUP BY reason ORDER BY 2 DESC",
        (run,),
    )
    return [tuple(row) for row in found]


def most(db: sqlite3.Connection, column: str, model: str | None = None) -> int:
    """The number of layers, or of heads a layer, of a model or of the largest."""
    count = {"layer": "n_layers", "head": "n_heads"}[column]
    found = db.execute(f"SELECT max({count}) FROM model WHERE name = coalesce(?, name)", (model,)).fetchone()[0]
    return found or 0


def chosen(db: sqlite3.Connection, choice: str) -> list[Any]:
    """The values of a choice (see `CHOICES`) for which there are results."""
    column = "run_id" if choice == "run" else f"json_extract(params, '$.{choice}')"
    found = db.execute(f"SELECT DISTINCT {column} AS value FROM result WHERE value IS NOT NULL ORDER BY value")
    return [row[0] for row in found]
