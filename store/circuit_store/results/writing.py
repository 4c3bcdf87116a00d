"""Write a record in one transaction: all of it or nothing."""

import json
import sqlite3

from circuit_store.results.keys import next_asked
from circuit_store.results.records import Provenance, Record, TableRows, TaskRecord
from circuit_store.transactions import transaction

_OF_RESULT = ("key", "analysis", "role", "identity", "fingerprint", "dtype", "version", "device", "threads", "seconds")


def write(db: sqlite3.Connection, of: Provenance, found: Record) -> int:
    """Store `found`; a result under the same key is replaced. Returns the result's id.

    Raises:
        ValueError: it names a column that its table lacks, or parameters that are no JSON.
        sqlite3.Error: a value that its column does not take, or a store that cannot be written.
    """
    with transaction(db):
        asked = next_asked(db)  # before: what replaces the newest is newer
        db.execute("DELETE FROM result WHERE key = ?", (of.key,))
        values = {
            **{name: getattr(of, name) for name in _OF_RESULT},
            **{"run_id": of.run, "checkpoint_id": of.checkpoint, "task_id": of.task and _task(db, of.task)},
            **{"params": json.dumps(of.params, sort_keys=True, allow_nan=False), "reason": found.reason},
            "asked": asked,
        }
        _insert(db, TableRows.of("result", values))
        (result,) = db.execute("SELECT id FROM result WHERE key = ?", (of.key,)).fetchone()
        for part in found.tables:
            _insert(db, part, result_id=result)
    return result


def _insert(db: sqlite3.Connection, of: TableRows, **every: int) -> None:
    """`every` is what all rows have besides."""
    known = {row[0] for row in db.execute("SELECT name FROM pragma_table_info(?)", (of.table,))}
    if unknown := sorted(set(of.columns) - known):
        raise ValueError(f"the table {of.table} has no column {', '.join(unknown)}")
    names = (*every, *of.columns)
    statement = f"INSERT INTO {of.table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
    db.executemany(statement, [(*every.values(), *row) for row in of.rows])


def _task(db: sqlite3.Connection, task: TaskRecord) -> int:
    values = (task.name, task.hash, task.metric, task.prepend_bos)
    db.execute("INSERT OR IGNORE INTO task (name, hash, metric, prepend_bos) VALUES (?, ?, ?, ?)", values)
    return db.execute("SELECT id FROM task WHERE hash = ?", (task.hash,)).fetchone()[0]
