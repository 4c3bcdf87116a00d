"""The versions of results of before, read from their keys.

A key is the SHA-256 of what a result is of, the number of its analysis' version last. All else is stored, so the
version is the number under which the same key comes out. An import's key is made otherwise, and it has none.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterator

_NUMBERS = (1, 2, 3)
"""No analysis had another."""
_OF_KEYS = (
    "SELECT result.id, key, model.name || '@' || step, result.identity, task.hash, prepend_bos, analysis, role,"
    " result.params, dtype FROM result JOIN checkpoint ON checkpoint.id = checkpoint_id"
    " JOIN model ON model.id = model_id LEFT JOIN task ON task.id = task_id"
)


def versions(db: sqlite3.Connection) -> Iterator[tuple[int, str]]:
    """(id, version) of every result whose key tells."""
    for result, key, address, identity, task, bos, *about, params, dtype in db.execute(_OF_KEYS).fetchall():
        of_task = [task, bool(bos)] if task else None
        parts = [address, identity, of_task, *about, json.loads(params), dtype]
        for number in _NUMBERS:
            text = json.dumps([*parts, number], sort_keys=True)
            if hashlib.sha256(text.encode()).hexdigest() == key:
                yield result, str(number)
