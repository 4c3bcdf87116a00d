"""Write what one analysis of one checkpoint found, in one transaction: all of it or nothing.

A record is labelled data; which numbers mean what is said in `views`. A `reason` stands for what is undefined.
"""

import json
import sqlite3
from dataclasses import dataclass
from typing import Any

from circuit_store.store import transaction


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


@dataclass(frozen=True)
class Undefined:
    """Nothing can be said, for a reason."""

    reason: str


@dataclass(frozen=True)
class CurvePoint:
    n_requested: int
    n_edges: int
    n_nodes: int
    metric: float | None
    faithfulness: float | None
    faithfulness_normalised: float | None
    random_baseline: float | None = None


@dataclass(frozen=True)
class Circuit:
    """A circuit, the curve it was chosen from, and the scores of every edge."""

    n_edges: int | None
    n_nodes: int | None
    n_edges_total: int
    metric_clean: float
    metric_corrupted: float
    metric_circuit: float | None
    faithfulness: float | None
    faithfulness_normalised: float | None
    threshold_reached: bool | None
    edges: list[tuple[int, int, float]]
    """(source, port, score) of the members."""
    curve: list[CurvePoint]
    scores: bytes
    """Every edge's score: float32, [source, port], bytes shuffled, zlib; see `blobs`."""
    scores_shape: tuple[int, int]
    reason: str | None = None


_LAYOUT = (
    "float32 [source, port], bytes shuffled, zlib; with H heads a layer, source 0 is input, 1 + l(H+1) + h head h of"
    " layer l, 1 + l(H+1) + H its MLP; port l(3H+1) + cH + h is q, k, v (c = 0, 1, 2) of a head, l(3H+1) + 3H the"
    " MLP, the last the logits; zero where there is no edge"
)

Record = Behaviour | HeadScores | Circuit | Undefined


def write(db: sqlite3.Connection, of: Provenance, found: Record) -> int:
    """Store `found`; a result under the same key is replaced. Returns the result's id."""
    with transaction(db):
        db.execute("DELETE FROM result WHERE key = ?", (of.key,))
        result = _result(db, of, getattr(found, "reason", None))
        if isinstance(found, Behaviour):
            values = (found.value, found.stderr, found.low, found.high, found.n_examples, found.accuracy)
            db.execute("INSERT INTO behaviour VALUES (?, ?, ?, ?, ?, ?, ?)", (result, *values))
        elif isinstance(found, HeadScores):
            rows = [(result, *row) for row in found.rows]
            db.executemany("INSERT INTO head_score VALUES (?, ?, ?, ?, ?, ?)", rows)
        elif isinstance(found, Circuit):
            _circuit(db, result, found)
    return result


def _result(db: sqlite3.Connection, of: Provenance, reason: str | None) -> int:
    task = _task(db, of.task) if of.task else None
    values = {
        **{f: getattr(of, f) for f in ("key", "analysis", "role", "identity", "fingerprint", "dtype", "device")},
        **{"run_id": of.run, "checkpoint_id": of.checkpoint, "task_id": task, "threads": of.threads},
        **{"params": json.dumps(of.params, sort_keys=True, allow_nan=False), "seconds": of.seconds, "reason": reason},
    }
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
    sources, ports = c.scores_shape
    db.execute(
        f"INSERT INTO circuit VALUES ({', '.join('?' * 15)})",
        (
            *(result, c.n_edges, c.n_nodes, c.n_edges_total, c.metric_clean, c.metric_corrupted, c.metric_circuit),
            *(c.faithfulness, c.faithfulness_normalised, c.threshold_reached),
            *(c.scores, "float32", sources, ports, _LAYOUT),
        ),
    )
    db.executemany("INSERT INTO circuit_edge VALUES (?, ?, ?, ?)", [(result, *edge) for edge in c.edges])
    db.executemany(
        "INSERT INTO faithfulness VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                *(result, p.n_requested, p.n_edges, p.n_nodes, p.metric),
                *(p.faithfulness, p.faithfulness_normalised, p.random_baseline),
            )
            for p in c.curve
        ],
    )


def held_keys(db: sqlite3.Connection, checkpoint: int) -> set[str]:
    """Keys of all results of a checkpoint."""
    return {row[0] for row in db.execute("SELECT key FROM result WHERE checkpoint_id = ?", (checkpoint,))}
