"""Checkpoints that are at hand, read anew: are their results of what lies there now?"""

import sqlite3
from collections.abc import Iterator

from circuit_core.errors import CheckpointError
from circuit_core.models import places
from circuit_store.models import noted


def look(db: sqlite3.Connection) -> Iterator[str | None]:
    """For each checkpoint with results that is at hand: a sentence if it is not what they were computed from.

    Those that are neither on disk nor in the local cache of the hub are passed over. Costs what reading weights does.
    """
    for of in noted(db):
        address = f"{of.model}@{of.step}"
        try:
            found = places.seen(of.source, of.revision)
        except CheckpointError as error:
            if error.status != "missing":
                yield f"{address} cannot be read any more: {error}"
            continue
        except OSError:
            continue
        if found.fingerprint != of.fingerprint:
            yield f"{address} has other weights now than its results were computed from"
        elif found.identity != of.identity:
            yield f"{address} has another config.json or tokenizer now than its results were computed from"
        else:
            yield None
