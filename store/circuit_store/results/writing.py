"""Write a record in one transaction: all of it or nothing."""

import json
import sqlite3

from circuit_store.results.keys import next_asked
from circuit_store.results.records import Provenance, Record, TaskRecord
from circuit_store.results.tables import TableRows, rows_of
from circuit_store.transactions import transaction

_OF_RESULT = ("key", "analysis", "role", "identity", "fingerprint", "dtype", "version", "device")


def write(db: sqlite3.Connection, of: Provenance, found: Record) -> int:
    """Store `found`; a result under the same key is replaced. Returns the result's id."""
    with transaction(db):
        db.execute("DELETE FROM result WHERE key = ?", (of.key,))
        result = _result(db, of, getattr(found, "reason", None))
        for rows in rows_of(found):
            _insert(db, result, rows)
    return result


def _insert(db: sqlite3.Connection, result: int, of: TableRows) -> None:
    names, marks = ", ".join(of.columns), ", ?" * len(of.columns)
    statement = f"INSERT INTO {of.table} (result_id, {names}) VALUES (?{marks})"
    db.executemany(statement, [(result, *row) for row in of.rows])


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
