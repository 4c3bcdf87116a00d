"""What the models and tasks of a store that is merged are called here.

A name does not tell which models of two stores are one: `run FOLDER` calls a model after its folder. One model has one
shape, and the same weights (fingerprints) at every step that both stores loaded. It comes from one place, a suite or a
folder, unless such weights show it to be the same in two folders. A model whose name is another's here gets a number
(`mine~2`). A task of a file is what the file holds: if the name is another file's here it gets one, too, and a file
that is known here under another name keeps that one.
"""

import sqlite3
from itertools import chain, count

from circuit_store import task_files
from circuit_store.merge_source import Source

_SHAPE = ("params", "n_layers", "n_heads", "d_model", "parallel")


def of_models(db: sqlite3.Connection, theirs: Source) -> dict[str, str]:
    """Their name of each model -> the name here: their own, numbered where another model has it."""
    found: dict[str, str] = {}
    for model in theirs.ask("SELECT * FROM model ORDER BY id"):
        numbered = (f"{model['name']}~{i}" for i in count(2))
        names = (name for name in chain([model["name"]], numbered) if name not in found.values())
        found[model["name"]] = next(name for name in names if _may_be(db, name, theirs.db, model))
    return found


def of_tasks(db: sqlite3.Connection, theirs: Source) -> dict[str, str]:
    """Their name of each task with results -> its name here; what the files hold decides."""
    held = theirs.ask("SELECT name, hash, format, content FROM task_file")
    files = {row["name"]: task_files.add_task_file(db, task_files.TaskFile(*row)) for row in held}
    files |= {f"{name}+bos": f"{here}+bos" for name, here in files.items()}
    labels: list[str] = [row[0] for row in theirs.ask("SELECT name FROM task")]
    return {label: files.get(label, label) for label in labels}


def _may_be(db: sqlite3.Connection, name: str, other: sqlite3.Connection, model: sqlite3.Row) -> bool:
    """Whether a name is free here, or that of the other store's model. Sizes that are not known contradict nothing."""
    held = db.execute("SELECT * FROM model WHERE name = ?", (name,)).fetchone()
    if held is None:
        return True
    if any(held[size] != model[size] for size in _SHAPE if None not in (held[size], model[size])):
        return False
    if held["base"] != model["base"]:
        return False
    here, there = _fingerprints(db, held), _fingerprints(other, model)
    both = here.keys() & there.keys()
    in_one_place = held["source"] == model["source"] or "folder" not in (held["suite"], model["suite"])
    return all(here[step] == there[step] for step in both) and (in_one_place or bool(both))


def _fingerprints(db: sqlite3.Connection, model: sqlite3.Row) -> dict[int, str]:
    """Step -> fingerprint, of the checkpoints that were loaded."""
    known = "SELECT step, fingerprint FROM checkpoint WHERE model_id = ? AND fingerprint IS NOT NULL"
    return dict(db.execute(known, (model["id"],)).fetchall())
