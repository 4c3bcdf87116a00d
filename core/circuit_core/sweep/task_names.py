"""What a task's name stands for: a built-in task, or a file of the user's own, whose text the store keeps.

So a run needs the file only when it is asked for; it can be resumed, and its results understood, when the file is gone.
"""

import sqlite3
from dataclasses import replace
from pathlib import Path

from circuit_core.errors import TaskError
from circuit_core.sweep.request import Request
from circuit_core.tasks import files
from circuit_core.tasks.specs import TASKS, TaskSpec
from circuit_store import task_files


def keep_files(db: sqlite3.Connection, request: Request) -> Request:
    """The same request with task files kept in the store and called by their names there.

    Raises:
        TaskError, BrokenTask: no such task or file, or a file with an error.
    """
    return replace(request, tasks=tuple(dict.fromkeys(_kept(db, name) for name in request.tasks)))


def known(db: sqlite3.Connection | None, request: Request) -> list[TaskSpec]:
    """The tasks of a request, whose files need not be kept yet. Raises: as `keep_files`."""
    return [spec(db, name) if _named(db, name) else _of_file(db, name) for name in request.tasks]


def _named(db: sqlite3.Connection | None, name: str) -> bool:
    return name in TASKS or bool(db and task_files.task_file(db, name))


def _of_file(db: sqlite3.Connection | None, name: str) -> TaskSpec:
    path = Path(name).expanduser()
    if not path.is_file():
        held = [row[0] for row in db.execute("SELECT name FROM task_file ORDER BY name")] if db else []
        raise TaskError(f"There is no task or file {name}: choose from {', '.join([*TASKS, *held])}, or give a file.")
    return files.read(path)


def _kept(db: sqlite3.Connection, name: str) -> str:
    if _named(db, name):
        return name
    spec = _of_file(db, name)
    file = task_files.TaskFile(spec.name, spec.hash, spec.format, spec.content or "")
    return task_files.add_task_file(db, file, tuple(TASKS))


def specs(db: sqlite3.Connection, request: Request) -> list[TaskSpec]:
    """The tasks of a request, whose files the store keeps. Raises: TaskError."""
    return [spec(db, name) for name in request.tasks]


def spec(db: sqlite3.Connection | None, name: str) -> TaskSpec:
    """A built-in task, or one of a file that the store keeps, if there is a store. Raises: TaskError."""
    if name in TASKS:
        return TASKS[name]
    held = task_files.task_file(db, name) if db else None
    if held is None:
        raise TaskError(f"There is no task {name}: choose from {', '.join(TASKS)}, or give its file to `run --tasks`.")
    return replace(files.parse(held.content, held.format, name), name=name)
