"""Files of the user's own that results rest on: tasks, under the names by which results call them, and texts."""

import sqlite3
from dataclasses import dataclass

from circuit_store.queue.states import RunState, UnitState, one_of
from circuit_store.transactions import transaction

_NAMES = "(task_file.name, task_file.name || '+bos')"
_RESTS = f"EXISTS (SELECT 1 FROM task WHERE task.name IN {_NAMES})"
"""Results rest on it: a task is written down with its first result."""
_LINE = "task_file.name || '.' || task_file.format || ', line '"
"""So begins what is said of an error in the file."""
_OTHERWISE = (
    f"EXISTS (SELECT 1 FROM unit WHERE run_id = run.id AND state = '{UnitState.FAILED}'"
    f" AND substr(coalesce(error, ''), 1, length({_LINE})) != {_LINE})"
)
"""A run's unit failed, and not by an error in the file."""
_ASKED = (
    "EXISTS (SELECT 1 FROM run, json_each(run.request, '$.tasks') AS asked"
    f" WHERE asked.value IN {_NAMES} AND (state NOT IN {one_of((RunState.FAILED, RunState.DONE))} OR {_OTHERWISE}))"
)
"""A run that may go on, or be tried again, asks for it."""


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
        if known := task_file(db, digest=task.hash):
            return known.name
        used = {*taken, *(row[0] for row in db.execute("SELECT name FROM task_file"))}
        name = next(n for n in (task.name, *(f"{task.name}~{i}" for i in range(2, len(used) + 3))) if n not in used)
        db.execute("INSERT INTO task_file VALUES (?, ?, ?, ?)", (name, task.hash, task.format, task.content))
    return name


def release(db: sqlite3.Connection, name: str) -> None:
    """Forget the file of a name if no result came of it and no run that may go on, or be tried again, asks for it."""
    with transaction(db):
        db.execute(f"DELETE FROM task_file WHERE name = ? AND NOT {_RESTS} AND NOT {_ASKED}", (name,))


def in_use(db: sqlite3.Connection) -> list[str]:
    """Names of the files of which there are results: others may hold errors that only a tokenizer shows."""
    return [row[0] for row in db.execute(f"SELECT name FROM task_file WHERE {_RESTS} ORDER BY name")]


def task_file(db: sqlite3.Connection, name: str | None = None, digest: str | None = None) -> TaskFile | None:
    """The file of a name, or the one with that content."""
    held = "SELECT name, hash, format, content FROM task_file WHERE name = ? OR hash = ?"
    row = db.execute(held, (name, digest)).fetchone()
    return TaskFile(*row) if row else None


def keep_text(db: sqlite3.Connection, digest: str, text: str) -> None:
    """Keep a text under its hash; writes nothing if it is there."""
    if text_of(db, digest) is None:
        with transaction(db):
            db.execute("INSERT OR IGNORE INTO text_file VALUES (?, ?)", (digest, text))


_SCORED = "EXISTS (SELECT 1 FROM head_score WHERE result_id = result.id AND value IS NOT NULL)"
_COUNTED = (
    "EXISTS (SELECT 1 FROM stage WHERE result_id = result.id AND json_type(heads, '$.copy_suppression') = 'array')"
)
"""A stage of the algorithm lists the heads of a class that was scored, and not of others."""
_LAST_TEXT = (
    "SELECT text_file.hash FROM model JOIN checkpoint ON model_id = model.id"
    " JOIN result ON checkpoint_id = checkpoint.id"
    " JOIN text_file ON text_file.hash = json_extract(result.params, '$.text')"
    f" WHERE model.name = ? AND (analysis = 'heads' AND role = 'copy_suppression' AND {_SCORED}"
    f" OR analysis = 'algorithm' AND {_COUNTED}) ORDER BY asked DESC LIMIT 1"
)


def last_text(db: sqlite3.Connection, model: str) -> str | None:
    """The hash of the text, of those that are kept, that last gave scores of copy suppression of a model's heads."""
    row = db.execute(_LAST_TEXT, (model,)).fetchone()
    return row and row[0]


def text_of(db: sqlite3.Connection, digest: str) -> str | None:
    row = db.execute("SELECT content FROM text_file WHERE hash = ?", (digest,)).fetchone()
    return row and row[0]
