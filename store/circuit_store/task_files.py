"""Files of the user's own that results rest on: tasks, under the names by which results call them, and texts."""

import sqlite3
from dataclasses import dataclass

from circuit_store.store import transaction

_NAMES = "(task_file.name, task_file.name || '+bos')"
_RESTS = f"EXISTS (SELECT 1 FROM task WHERE task.name IN {_NAMES})"
"""Results rest on it: a task is written down with its first result."""
_ASKED = (
    "EXISTS (SELECT 1 FROM run, json_each(run.request, '$.tasks') AS asked WHERE state NOT IN ('failed', 'done')"
    f" AND asked.value IN {_NAMES})"
)
"""A run that may go on asks for it."""


@dataclass(frozen=True)
class TaskFile:
    """A task of the user's own, as the store keeps it."""

    name: str
    hash: str
    format: str
    content: str


def add_task_file(db: sqlite3.Connection, task: TaskFile, taken: tuple[str, ...] = ()) -> str:
    """Keep a task file; returns its name: that under which its content is known, else its own, numbered if taken."""
    with transaction(db):
        if known := name_of(db, task.hash):
            return known
        used = {*taken, *(row[0] for row in db.execute("SELECT name FROM task_file"))}
        name = next(n for n in (task.name, *(f"{task.name}~{i}" for i in range(2, len(used) + 3))) if n not in used)
        db.execute("INSERT INTO task_file VALUES (?, ?, ?, ?)", (name, task.hash, task.format, task.content))
    return name


def release(db: sqlite3.Connection, name: str) -> None:
    """Forget the file of a name if no result came of it and no run that may go on asks for it."""
    with transaction(db):
        db.execute(f"DELETE FROM task_file WHERE name = ? AND NOT {_RESTS} AND NOT {_ASKED}", (name,))


def name_of(db: sqlite3.Connection, digest: str) -> str | None:
    """The name under which a file's content is known."""
    row = db.execute("SELECT name FROM task_file WHERE hash = ?", (digest,)).fetchone()
    return row and row[0]


def in_use(db: sqlite3.Connection) -> list[str]:
    """Names of the files of which there are results: others may hold errors that only a tokenizer shows."""
    return [row[0] for row in db.execute(f"SELECT name FROM task_file WHERE {_RESTS} ORDER BY name")]


def task_file(db: sqlite3.Connection, name: str) -> TaskFile | None:
    row = db.execute("SELECT name, hash, format, content FROM task_file WHERE name = ?", (name,)).fetchone()
    return TaskFile(*row) if row else None


def keep_text(db: sqlite3.Connection, digest: str, text: str) -> None:
    """Keep a text under its hash; writes nothing if it is there."""
    if text_of(db, digest) is None:
        with transaction(db):
            db.execute("INSERT OR IGNORE INTO text_file VALUES (?, ?)", (digest, text))


def text_of(db: sqlite3.Connection, digest: str) -> str | None:
    row = db.execute("SELECT content FROM text_file WHERE hash = ?", (digest,)).fetchone()
    return row and row[0]
