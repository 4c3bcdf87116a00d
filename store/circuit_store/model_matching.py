"""Which models of two stores are one. A name does not tell: `run FOLDER` calls a model after its folder.

One model has one shape, and the same weights (fingerprints) at every step that both stores loaded. It comes from one
place, a suite or a folder, unless such weights show it to be the same in two folders.
"""

import sqlite3
from itertools import chain, count

_SHAPE = ("params", "n_layers", "n_heads", "d_model", "parallel")


def names(db: sqlite3.Connection, theirs: sqlite3.Connection) -> dict[str, str]:
    """Their name of each model -> the name here: their own, numbered (`mine~2`) where another model has it."""
    found: dict[str, str] = {}
    for model in theirs.execute("SELECT * FROM model ORDER BY id").fetchall():
        numbered = (f"{model['name']}~{i}" for i in count(2))
        found[model["name"]] = next(
            name
            for name in chain([model["name"]], numbered)
            if name not in found.values() and _may_be(db, name, theirs, model)
        )
    return found


def _may_be(db: sqlite3.Connection, name: str, theirs: sqlite3.Connection, model: sqlite3.Row) -> bool:
    """Whether the name is free here, or that model's."""
    held = db.execute("SELECT * FROM model WHERE name = ?", (name,)).fetchone()
    return held is None or _one_shape(held, model) and _one_content(db, held, theirs, model)


def _one_shape(held: sqlite3.Row, model: sqlite3.Row) -> bool:
    """Sizes that are not known contradict nothing."""
    return all(held[size] == model[size] for size in _SHAPE if None not in (held[size], model[size]))


def _one_content(db: sqlite3.Connection, held: sqlite3.Row, theirs: sqlite3.Connection, model: sqlite3.Row) -> bool:
    here, there = _fingerprints(db, held), _fingerprints(theirs, model)
    both = here.keys() & there.keys()
    in_one_place = held["source"] == model["source"] or "folder" not in (held["suite"], model["suite"])
    return all(here[step] == there[step] for step in both) and (in_one_place or bool(both))


def _fingerprints(db: sqlite3.Connection, model: sqlite3.Row) -> dict[int, str]:
    """Step -> fingerprint, of the checkpoints that were loaded."""
    known = "SELECT step, fingerprint FROM checkpoint WHERE model_id = ? AND fingerprint IS NOT NULL"
    return dict(db.execute(known, (model["id"],)).fetchall())
