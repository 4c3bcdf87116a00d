"""Look after a store as a whole: check it, and copy it while it is in use."""

import sqlite3
from contextlib import closing
from pathlib import Path

from circuit_store import output_files
from circuit_store.errors import OutputUnwritten, StoreUnusable
from circuit_store.integrity import broken_json, other_kinds, other_tables

CONTENT = (
    *("behaviour", "head_score", "head_detail", "head_by_prompt"),
    *("circuit", "circuit_edge", "node_score", "faithfulness", "stage"),
    *("year_node", "patch", "patch_effect", "attention_row"),
)
"""Tables of what results found; each row belongs to a result."""
_EMPTY = " AND ".join(f"NOT EXISTS (SELECT 1 FROM {t} WHERE result_id = result.id)" for t in CONTENT)
_HOMELESS = {
    "results of no run": "SELECT count(*) FROM result WHERE run_id NOT IN (SELECT id FROM run)",
    "results of no checkpoint": "SELECT count(*) FROM result WHERE checkpoint_id NOT IN (SELECT id FROM checkpoint)",
    "results without content or reason": f"SELECT count(*) FROM result WHERE reason IS NULL AND {_EMPTY}",
    **{
        f"rows of {table} without a result": f"SELECT count(*) FROM {table} WHERE result_id NOT IN"
        " (SELECT id FROM result)"
        for table in CONTENT
    },
}
_OF_MODELS = (
    " JOIN result ON result.id = result_id JOIN checkpoint ON checkpoint.id = checkpoint_id"
    " JOIN model ON model.id = model_id"
)
_LAST = "(SELECT result_id, max(layer) AS last, max(head) AS last_head FROM head_score GROUP BY result_id)"
_MISFITS = {
    "head roles": f"{_LAST}{_OF_MODELS} WHERE last != n_layers - 1 OR last_head != n_heads - 1",
    "circuits": f"circuit{_OF_MODELS} WHERE scores_sources != 1 + n_layers * (n_heads + 1)"
    " OR scores_ports != 1 + n_layers * (3 * n_heads + 1)",
}
"""Kind of result -> where those lie that have not the heads, or the nodes and ports (METHODS a.3), of their model."""
_WEIGHTS = """
WITH noted AS (
    SELECT checkpoint_id, identity, fingerprint FROM result WHERE fingerprint IS NOT NULL
    UNION SELECT id, present, fingerprint FROM checkpoint WHERE present IS NOT NULL AND fingerprint IS NOT NULL
)
SELECT group_concat(DISTINCT name || '@' || step), count(DISTINCT noted.fingerprint)
FROM noted JOIN checkpoint ON checkpoint.id = checkpoint_id JOIN model ON model.id = model_id
GROUP BY identity HAVING count(DISTINCT noted.fingerprint) > 1 ORDER BY min(checkpoint.id)
"""
"""Where one source, whose identity holds its weights (METHODS l.16), is noted with several fingerprints of weights."""


def faults(db: sqlite3.Connection) -> list[str]:
    """What is wrong with a store, a sentence each; empty if it is sound."""
    found: list[str] = []
    try:
        if others := list(other_tables(db)):
            return others  # nothing more can be asked of them
        found += (f"integrity: {said}" for (said,) in db.execute("PRAGMA integrity_check") if said != "ok")
        for table, row, parent, _ in db.execute("PRAGMA foreign_key_check"):
            found.append(f"row {row} of {table} refers to a {parent} that is not there")
        for what, query in _HOMELESS.items():
            if count := db.execute(query).fetchone()[0]:
                found.append(f"{count} {what}")
        found += other_kinds(db)
        found += broken_json(db)
        for kind, lie in _MISFITS.items():
            wrong = db.execute(f"SELECT name, n_layers, n_heads, count(*) FROM {lie} GROUP BY model.id")
            for name, layers, heads, n in wrong:
                found.append(f"{n} {kind} of {name} are of another model: {name} has {layers} layers of {heads} heads")
        for checkpoints, n in db.execute(_WEIGHTS):
            found.append(f"{checkpoints.replace(',', ', ')}: {n} different weights are noted for one source")
        for name, n in db.execute("SELECT name, count(*) FROM task GROUP BY name HAVING count(*) > 1"):
            found.append(f"{n} different tasks have results under the name {name}")
    except sqlite3.DatabaseError as error:
        found.append(f"the file cannot be read to its end: {error}")
    return found


def backup(db: sqlite3.Connection, path: Path, taken: output_files.Taken | None = None) -> None:
    """Copy a store that may be written meanwhile; the copy is for the user alone.

    Args:
        taken: what the copy must not be; no companion of the store in any case.

    Raises:
        StoreUnusable: the file exists.
        OutputRefused, OutputUnwritten: no file can be there, or it cannot be written; nothing is left of it.
    """
    mine = Path(db.execute("PRAGMA database_list").fetchone()["file"])
    try:
        with output_files.new(path, {**(taken or {}), **output_files.of_store(mine)}, 0o600) as file:
            with closing(sqlite3.connect(file.name)) as copy:
                copy.execute("PRAGMA journal_mode=MEMORY")
                db.backup(copy)
                copy.execute("PRAGMA journal_mode=DELETE")
    except FileExistsError:
        raise StoreUnusable(f"{path} exists: name a file that does not, nothing is overwritten.") from None
    except sqlite3.Error as error:
        raise OutputUnwritten(f"{path} cannot be written ({error}): make room, or name another file.") from None
