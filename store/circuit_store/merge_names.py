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
        for name in (name for name in chain([model["name"]], numbered) if name not in found.values()):
            if held := db.execute("SELECT * FROM model WHERE name = ?", (name,)).fetchone():
                # Sizes that are not known contradict nothing.
                sizes = [size for size in _SHAPE if None not in (held[size], model[size])]
                if any(held[of] != model[of] for of in ("base", *sizes)):
                    continue
                here, there = _fingerprints(db, held), _fingerprints(theirs.db, model)
                both = here.keys() & there.keys()
                in_one_place = held["source"] == model["source"] or "folder" not in (held["suite"], model["suite"])
                if any(here[step] != there[step] for step in both) or not (in_one_place or both):
                    continue
            found[model["name"]] = name
            break
    return found


def of_tasks(db: sqlite3.Connection, theirs: Source) -> dict[str, str]:
    """Their name of each task with results -> its name here; what the files hold decides."""
    held = theirs.ask("SELECT name, hash, format, content FROM task_file")
    files = {row["name"]: task_files.add_task_file(db, task_files.TaskFile(*row)) for row in held}
    files |= {f"{name}+bos": f"{here}+bos" for name, here in files.items()}
    labels: list[str] = [row[0] for row in theirs.ask("SELECT name FROM task")]
    return {label: files.get(label, label) for label in labels}


def _fingerprints(db: sqlite3.Connection, model: sqlite3.Row) -> dict[int, str]:
    """Step -> fingerprint, of the checkpoints that were loaded."""
    known = "SELECT step, fingerprint FROM checkpoint WHERE model_id = ? AND fingerprint IS NOT NULL"
    return dict(db.execute(known, (model["id"],)).fetchall())
