"""Which results there are, by key, and which of them were asked for last."""

import json
import sqlite3
from collections.abc import Iterable

from circuit_store.transactions import transaction
from circuit_store.views.trends import RESTS_ON
from circuit_store.views.view import ABOUT, OF_MODEL, competing, shown_results


def held_keys(db: sqlite3.Connection, model: str) -> dict[int, set[str]]:
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


def ask_again(db: sqlite3.Connection, model: str, keys: Iterable[str]) -> bool:
    """Results of a model that a request finds already there count as new, so that they are shown before any others.

    Those that are shown stay as they are, and so do those that would not be shown even so, being of a configuration
    without a value where another has some.

    Returns:
        Whether trends rest on any that changed. Path patching with other parameters does not count: it is shown
        beside it, not in its place.
    """
    with transaction(db):
        number = next_asked(db)
        best = f"SELECT *, max(defined) OVER (PARTITION BY {ABOUT}) AS best FROM ({competing(OF_MODEL)})"
        shown = f"SELECT id FROM ({shown_results(OF_MODEL)})"
        hidden = f"SELECT id FROM ({best}) WHERE defined = best AND id NOT IN ({shown})"
        db.execute(
            f"UPDATE result SET asked = ? WHERE key IN (SELECT value FROM json_each(?)) AND id IN ({hidden})",
            (number, json.dumps(list(keys)), model, model),
        )
        changed = f"SELECT EXISTS (SELECT 1 FROM result WHERE asked = ? AND analysis IN {RESTS_ON})"
        return bool(db.execute(changed, (number,)).fetchone()[0])
