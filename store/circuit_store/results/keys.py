"""Which results there are, by key, and which of them were asked for last."""

import json
import sqlite3
from collections.abc import Iterable

from circuit_store.transactions import transaction
from circuit_store.views.trends import RESTS_ON


def held_keys(db: sqlite3.Connection, checkpoint: int) -> set[str]:
    """Keys of all results of a checkpoint."""
    return {row[0] for row in db.execute("SELECT key FROM result WHERE checkpoint_id = ?", (checkpoint,))}


def held_keys_of(db: sqlite3.Connection, model: str) -> dict[int, set[str]]:
    """Step -> keys of all results of that checkpoint of a model."""
    found: dict[int, set[str]] = {}
    query = (
        "SELECT step, key FROM result JOIN checkpoint ON checkpoint.id = checkpoint_id"
        " JOIN model ON model.id = model_id WHERE model.name = ?"
    )
    for step, key in db.execute(query, (model,)):
        found.setdefault(step, set()).add(key)
    return found


def identities(db: sqlite3.Connection, model: str) -> dict[int, str]:
    """Step -> the source that the newest result of that checkpoint was computed from; files of others are none."""
    query = (
        "SELECT step, identity FROM result JOIN checkpoint ON checkpoint.id = checkpoint_id"
        " JOIN model ON model.id = model_id WHERE model.name = ?"
        " AND json_extract(result.params, '$.method') IS NOT 'imported' ORDER BY result.id"
    )
    return dict(db.execute(query, (model,)).fetchall())


def next_asked(db: sqlite3.Connection) -> int:
    """The number of what is newest from now on: results are numbered as they are computed or asked for again."""
    return (db.execute("SELECT max(asked) FROM result").fetchone()[0] or 0) + 1


_SETS = (
    "SELECT analysis, role, task.name AS name, result.params, dtype, version, task_id,"
    " max(asked) AS asked FROM result"
    " JOIN checkpoint ON checkpoint.id = checkpoint_id JOIN model ON model.id = model_id"
    " LEFT JOIN task ON task.id = task_id WHERE model.name = ? GROUP BY 1, 2, 3, 4, 5, 6, 7"
)
_RIVAL = (
    "SELECT 1 FROM sets WHERE sets.asked > result.asked AND sets.analysis = result.analysis"
    " AND sets.role IS result.role AND sets.name IS (SELECT name FROM task WHERE id = result.task_id)"
    " AND (sets.params, sets.dtype, sets.version, sets.task_id)"
    " IS NOT (result.params, result.dtype, result.version, result.task_id)"
    " AND (sets.analysis <> 'patch' OR sets.params = result.params)"
)


def ask_again(db: sqlite3.Connection, model: str, keys: Iterable[str]) -> bool:
    """Results of a model that a request finds already there count as new, so that they answer before any others.

    Returns:
        Whether trends rest on any that changed; none do where no others with another set of parameters have come
        since. Path patching with other parameters is no other: each set of them has an answer of its own.
    """
    with transaction(db):
        number = next_asked(db)
        db.execute(
            f"WITH sets AS MATERIALIZED ({_SETS}) UPDATE result SET asked = ?"
            f" WHERE key IN (SELECT value FROM json_each(?)) AND EXISTS ({_RIVAL})",
            (model, number, json.dumps(list(keys))),
        )
        changed = f"SELECT EXISTS (SELECT 1 FROM result WHERE asked = ? AND analysis IN {RESTS_ON})"
        return bool(db.execute(changed, (number,)).fetchone()[0])
