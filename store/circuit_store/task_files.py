"""Files of the user's own that results rest on: tasks, under the names by which results call them, and texts."""

import sqlite3
from dataclasses import dataclass

from circuit_store.store import transaction


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
        held = dict(db.execute("SELECT hash, name FROM task_file"))
        if task.hash in held:
            return held[task.hash]
        used = {*held.values(), *taken}
        name = next(n for n in (task.name, *(f"{task.name}~{i}" for i in range(2, len(used) + 3))) if n not in used)
        db.execute("INSERT INTO task_file VALUES (?, ?, ?, ?)", (name, task.hash, task.format, task.content))
    return name


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
