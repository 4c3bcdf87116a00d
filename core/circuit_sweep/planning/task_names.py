"""What a task's name stands for: a built-in task, or a file of the user's own, whose text the store keeps.

So a run needs the file only when it is asked for; it can be resumed, and its results understood, when the file is gone.
A name may end in `+bos`: the same prompts behind a BOS token, which is another task.
"""

import sqlite3
from dataclasses import replace

from circuit_core import untrusted_files
from circuit_core.errors import TaskError
from circuit_core.tasks import user_files
from circuit_core.tasks.specs import BOS, TASKS, TaskSpec
from circuit_store import task_files


def find(db: sqlite3.Connection | None, name: str) -> TaskSpec:
    """The task of a name or a file, under the name that it has in the store; writes nothing.

    Raises:
        TaskError, BrokenTask: no such task or file, or a file with an error.
    """
    found = _known(db, name) or _read(db, name)
    if found is None and name.endswith(BOS):
        found = replace(find(db, name.removesuffix(BOS)), prepend_bos=True)
    if found is None:
        held = task_files.in_use(db) if db else []
        raise TaskError(f"There is no task or file {name}: choose from {', '.join([*TASKS, *held])}, or give a file.")
    return found


def keep(db: sqlite3.Connection, tasks: list[TaskSpec]) -> tuple[str, ...]:
    """Keep the files among some tasks in the store; returns the tasks' names there, each once.

    A file that came to nothing, for an error that only a tokenizer shows, leaves its name to the next.
    """
    for task in tasks:
        if task.content is not None:
            task_files.release(db, task.name)
    labels: list[str] = []
    for task in tasks:
        if task.content is not None:
            file = task_files.TaskFile(task.name, _digest(task), task.format, task.content)
            task = replace(task, name=task_files.add_task_file(db, file, tuple(TASKS)))
        labels.append(task.label)
    return tuple(dict.fromkeys(labels))


def spec(db: sqlite3.Connection | None, name: str) -> TaskSpec:
    """A built-in task, or one of a file that the store keeps, if there is a store. Raises: TaskError."""
    found = _known(db, name)
    if found is None and name.endswith(BOS):
        return replace(spec(db, name.removesuffix(BOS)), prepend_bos=True)
    if found is None:
        raise TaskError(f"There is no task {name}: choose from {', '.join(TASKS)}, or give its file to `run --tasks`.")
    return found


def _known(db: sqlite3.Connection | None, name: str) -> TaskSpec | None:
    held = task_files.task_file(db, name) if db and name not in TASKS else None
    return replace(user_files.parse(held.content, held.format, name), name=name) if held else TASKS.get(name)


def _read(db: sqlite3.Connection | None, name: str) -> TaskSpec | None:
    """From a file, if there is one. Raises: BrokenTask."""
    path = untrusted_files.place(name)
    if not untrusted_files.there(path):
        return None
    task = user_files.read(path)
    held = task_files.task_file(db, digest=_digest(task)) if db else None
    return replace(task, name=held.name if held else task.name)


def _digest(task: TaskSpec) -> str:
    """Of the file, whatever is put before its prompts."""
    return replace(task, prepend_bos=False).hash
