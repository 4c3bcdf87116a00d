"""Write what one analysis of one checkpoint found, in one transaction: all of it or nothing.

A record is labelled data; which numbers mean what is said in `views`. A `reason` stands for what is undefined.
"""

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from circuit_store.store import transaction
from circuit_store.views.trends import RESTS_ON


@dataclass(frozen=True)
class Provenance:
    """What a result is of, and its key: an equal key is never computed twice."""

    key: str
    run: int
    checkpoint: int
    analysis: str
    params: dict[str, Any]
    identity: str
    """The source: path, size and time of each weight file, or a commit hash."""
    fingerprint: str | None
    dtype: str
    seconds: float
    role: str | None = None
    task: "TaskRecord | None" = None
    device: str = "cpu"
    threads: int = 1
    version: str = "0"
    """Of the analysis and of what it rests on, `3` or `3.2`: other versions may give other numbers. 0: not known."""


@dataclass(frozen=True)
class TaskRecord:
    name: str
    hash: str
    metric: str
    prepend_bos: bool


@dataclass(frozen=True)
class Behaviour:
    value: float | None
    stderr: float | None
    low: float | None
    high: float | None
    n_examples: int
    accuracy: float | None
    reason: str | None = None


@dataclass(frozen=True)
class HeadScores:
    rows: list[tuple[int, int, float | None, float | None, float | None]]
    """(layer, head, value, raw, control)."""
    details: list[tuple[int, int, str, float | None]] = field(default_factory=list)
    """(layer, head, name, value): what a value is made of."""
    reason: str | None = None
    """Why some values are None."""
    reasons: dict[tuple[int, int], str] = field(default_factory=dict)
    """(layer, head) -> why its value is None, where that is known head by head."""


@dataclass(frozen=True)
class AttentionRows:
    """What every head attends to from the answer position, on a few prompts."""

    tokens: list[list[str]]
    """Of each prompt, up to the answer position."""
    weights: list[bytes]
    """Of each prompt: float32 [layer * head, token], packed as `blobs` does."""


@dataclass(frozen=True)
class Stage:
    """A stage of the IOI algorithm, in percent."""

    stage: str
    percent: float | None
    low: float | None
    high: float | None
    heads: dict[str, list[str]]
    """Kind of head -> names."""
    universe: str
    """Which heads' effects are the whole."""
    post_emergence: bool
    reason: str | None
    note: str | None = None
    """What the percent was measured without."""


@dataclass(frozen=True)
class Algorithm:
    stages: list[Stage]


@dataclass(frozen=True)
class Years:
    """What a circuit of greater-than does with years."""

    nodes: list[tuple[int, float | None, float | None, float | None]]
    """(source, looks_at_year, raises_year, later_minus_others); see the view `greater_than`."""
    reason: str | None = None


@dataclass(frozen=True)
class PatchEffects:
    rows: list[tuple[int, int, float, float | None]]
    """(layer, head, metric after patching, effect)."""
    metric_clean: float | None = None
    metric_corrupted: float | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Undefined:
    """Nothing can be said, for a reason."""

    reason: str


@dataclass(frozen=True)
class CurvePoint:
    n_requested: int
    n_edges: int
    n_nodes: int
    metric: float | None = None
    faithfulness: float | None = None
    faithfulness_normalised: float | None = None
    held_out_metric: float | None = None
    held_out_faithfulness: float | None = None
    random_baseline: float | None = None


@dataclass(frozen=True)
class Circuit:
    """A circuit, the curve it was chosen from, and the scores of every edge and node."""

    chosen: CurvePoint | None
    """The circuit's own point of the curve; without metric if it was imported."""
    n_edges_total: int
    edges: list[tuple[int, int, float]]
    """(source, port, score) of the members."""
    scores: bytes
    """Every edge's score: float32, [source, port], bytes shuffled, zlib; see `blobs`."""
    scores_shape: tuple[int, int]
    curve: list[CurvePoint] = field(default_factory=list)
    nodes: list[tuple[int, float]] = field(default_factory=list)
    """(source, score)."""
    metric_clean: float | None = None
    metric_corrupted: float | None = None
    threshold_reached: bool | None = None
    cpr: float | None = None
    cmd: float | None = None
    areas_reason: str | None = None
    """Why there is neither `cpr` nor `cmd`."""
    imported_from: str | None = None
    """Name of the file that it came from; None if it was computed."""
    original: bytes | None = None
    """That file, compressed."""
    reason: str | None = None


_LAYOUT = (
    "float32 [source, port], bytes shuffled, zlib; with H heads a layer, source 0 is input, 1 + l(H+1) + h head h of"
    " layer l, 1 + l(H+1) + H its MLP; port l(3H+1) + cH + h is q, k, v (c = 0, 1, 2) of a head, l(3H+1) + 3H the"
    " MLP, the last the logits; zero where there is no edge"
)

_OF_CHOSEN = (
    *("n_requested", "n_edges", "n_nodes"),
    *("faithfulness", "faithfulness_normalised", "held_out_faithfulness"),
)
_OF_CIRCUIT = (
    *("n_edges_total", "metric_clean", "metric_corrupted", "threshold_reached"),
    *("cpr", "cmd", "areas_reason"),
    *("imported_from", "original", "scores"),
)

_OF_RESULT = ("key", "analysis", "role", "identity", "fingerprint", "dtype", "version", "device")

Record = Behaviour | HeadScores | AttentionRows | Circuit | Algorithm | Years | PatchEffects | Undefined


def write(db: sqlite3.Connection, of: Provenance, found: Record) -> int:
    """Store `found`; a result under the same key is replaced. Returns the result's id."""
    with transaction(db):
        db.execute("DELETE FROM result WHERE key = ?", (of.key,))
        result = _result(db, of, getattr(found, "reason", None))
        for table, rows in _rows(found):
            for row in rows:
                names, marks = ", ".join(row), ", ".join("?" * len(row))
                db.execute(f"INSERT INTO {table} (result_id, {names}) VALUES (?, {marks})", (result, *row.values()))
        if isinstance(found, HeadScores):
            _many(db, "head_score", result, [(*row, found.reasons.get(row[:2])) for row in found.rows])
            _many(db, "head_detail", result, found.details)
        elif isinstance(found, Years):
            _many(db, "year_node", result, found.nodes)
        elif isinstance(found, PatchEffects):
            _many(db, "patch_effect", result, found.rows)
        elif isinstance(found, Circuit):
            _circuit(db, result, found)
    return result


def _many(db: sqlite3.Connection, table: str, result: int, rows: list[Any]) -> None:
    if rows:
        db.executemany(f"INSERT INTO {table} VALUES (?{', ?' * len(rows[0])})", [(result, *row) for row in rows])


def _rows(found: Record) -> list[tuple[str, list[dict[str, Any]]]]:
    """Small tables of a record, by column."""
    if isinstance(found, Behaviour):
        return [("behaviour", [{k: v for k, v in vars(found).items() if k != "reason"}])]
    if isinstance(found, AttentionRows):
        pairs = zip(found.tokens, found.weights, strict=True)
        rows = [{"prompt": i, "tokens": json.dumps(t), "weights": w} for i, (t, w) in enumerate(pairs)]
        return [("attention_row", rows)]
    if isinstance(found, PatchEffects):
        return [("patch", [{"metric_clean": found.metric_clean, "metric_corrupted": found.metric_corrupted}])]
    if isinstance(found, Algorithm):
        rows = [{"place": i, **vars(s), "heads": json.dumps(s.heads)} for i, s in enumerate(found.stages)]
        return [("stage", rows)]
    return []


def _result(db: sqlite3.Connection, of: Provenance, reason: str | None) -> int:
    task = _task(db, of.task) if of.task else None
    values = {
        **{f: getattr(of, f) for f in _OF_RESULT},
        **{"run_id": of.run, "checkpoint_id": of.checkpoint, "task_id": task, "threads": of.threads},
        **{"params": json.dumps(of.params, sort_keys=True, allow_nan=False), "seconds": of.seconds, "reason": reason},
    }
    values["asked"] = next_asked(db)
    names = ", ".join(values)
    marks = ", ".join("?" * len(values))
    cursor = db.execute(f"INSERT INTO result ({names}) VALUES ({marks})", tuple(values.values()))
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def _task(db: sqlite3.Connection, task: TaskRecord) -> int:
    values = (task.name, task.hash, task.metric, task.prepend_bos)
    db.execute("INSERT OR IGNORE INTO task (name, hash, metric, prepend_bos) VALUES (?, ?, ?, ?)", values)
    return db.execute("SELECT id FROM task WHERE hash = ?", (task.hash,)).fetchone()[0]


def _circuit(db: sqlite3.Connection, result: int, c: Circuit) -> None:
    at = vars(c.chosen) if c.chosen else {}
    values = {
        "result_id": result,
        "metric_circuit": at.get("metric"),
        **{f: at.get(f) for f in _OF_CHOSEN},
        **{f: getattr(c, f) for f in _OF_CIRCUIT},
        **{"scores_dtype": "float32", "scores_layout": _LAYOUT},
        **dict(zip(("scores_sources", "scores_ports"), c.scores_shape, strict=True)),
    }
    names, marks = ", ".join(values), ", ".join("?" * len(values))
    db.execute(f"INSERT INTO circuit ({names}) VALUES ({marks})", tuple(values.values()))
    _many(db, "circuit_edge", result, c.edges)
    _many(db, "node_score", result, c.nodes)
    columns = list(CurvePoint.__annotations__)
    db.executemany(
        f"INSERT INTO faithfulness (result_id, {', '.join(columns)}) VALUES (?{', ?' * len(columns)})",
        [(result, *(getattr(p, name) for name in columns)) for p in c.curve],
    )


def held_keys(db: sqlite3.Connection, checkpoint: int) -> set[str]:
    """Keys of all results of a checkpoint."""
    return {row[0] for row in db.execute("SELECT key FROM result WHERE checkpoint_id = ?", (checkpoint,))}


def next_asked(db: sqlite3.Connection) -> int:
    """The number of what is newest from now on: results are numbered as they are computed or asked for again."""
    return (db.execute("SELECT max(asked) FROM result").fetchone()[0] or 0) + 1


_SETS = (
    "SELECT analysis, role, task.name AS name, result.params, dtype, version, task_id,"
    " max(asked) AS asked FROM result"
    " JOIN checkpoint ON checkpoint.id = checkpoint_id JOIN model ON model.id = model_id"
    " LEFT JOIN task ON task.id = task_id WHERE model.name = ? GROUP BY 1, 2, 3, 4, 5, 6, 7"
)
_RIVAL = (
    "SELECT 1 FROM sets WHERE sets.asked > result.asked AND sets.analysis = result.analysis"
    " AND sets.role IS result.role AND sets.name IS (SELECT name FROM task WHERE id = result.task_id)"
    " AND (sets.params, sets.dtype, sets.version, sets.task_id)"
    " IS NOT (result.params, result.dtype, result.version, result.task_id)"
    " AND (sets.analysis <> 'patch' OR sets.params = result.params)"
)


def ask_again(db: sqlite3.Connection, model: str, keys: Iterable[str]) -> bool:
    """Results of a model that a request finds already there count as new, so that they answer before any others.

    Returns:
        Whether trends rest on any that changed; none do where no others with another set of parameters have come
        since. Path patching with other parameters is no other: each set of them has an answer of its own.
    """
    with transaction(db):
        number = next_asked(db)
        db.execute(
            f"WITH sets AS MATERIALIZED ({_SETS}) UPDATE result SET asked = ?"
            f" WHERE key IN (SELECT value FROM json_each(?)) AND EXISTS ({_RIVAL})",
            (model, number, json.dumps(list(keys))),
        )
        changed = f"SELECT EXISTS (SELECT 1 FROM result WHERE asked = ? AND analysis IN {RESTS_ON})"
        return bool(db.execute(changed, (number,)).fetchone()[0])


def held_keys_of(db: sqlite3.Connection, model: str) -> dict[int, set[str]]:
    """Step -> keys of all results of that checkpoint of a model."""
    found: dict[int, set[str]] = {}
    query = (
        "SELECT step, key FROM result JOIN checkpoint ON checkpoint.id = checkpoint_id"
        " JOIN model ON model.id = model_id WHERE model.name = ?"
    )
    for step, key in db.execute(query, (model,)):
        found.setdefault(step, set()).add(key)
    return found
