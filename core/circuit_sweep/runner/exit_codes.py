"""Exit codes of a runner that can no longer write its store, and the sentence that each stands for.

Codes, because a full disk takes no message: whoever started the runner says it. Light.
"""

import sqlite3
from pathlib import Path

from circuit_core.errors import CircuitError
from circuit_store.errors import StoreError, StoreMoved

DONE, UNLOCKED, MOVED, NO_ENGINE, ENDED, JOINED, REFUSED, LOST = 0, 14, 15, 16, 17, 18, 19, 20
"""Nothing left; no lock; another file at the store's path; no workers; asked to end; another runner at work, here or on
another host; from 20 on the store."""
_GOES_ON = "nothing that is finished is lost, and `circuit-tui jobs resume` goes on"
_SENTENCES = {
    sqlite3.SQLITE_FULL: f"No space is left for the store {{}}: make room; {_GOES_ON}.",
    sqlite3.SQLITE_READONLY: f"The store {{}} may no longer be written: make it writable; {_GOES_ON}.",
    sqlite3.SQLITE_BUSY: f"Another program holds the store {{}} locked: end it; {_GOES_ON}.",
    sqlite3.SQLITE_IOERR: f"The disk of the store {{}} fails: check it, and the store with `verify`; {_GOES_ON}.",
    sqlite3.SQLITE_CANTOPEN: f"The store {{}} can no longer be opened: bring it back; {_GOES_ON}.",
    sqlite3.SQLITE_CORRUPT: "The store {} is damaged: look at it with `verify`, and take a backup's place.",
}
_OTHER = f"The store {{}} cannot be used: look into the log; {_GOES_ON}."
_REFUSED = "A runner on another host computes for the store {}, on a file system where two must not: wait for it."


def code_of(error: CircuitError | StoreError | sqlite3.Error) -> int:
    """Exit code of a runner that fails so."""
    if isinstance(error, CircuitError):
        return NO_ENGINE
    if isinstance(error, StoreMoved):
        return MOVED
    primary = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return LOST + primary if primary in _SENTENCES else LOST


def sentence(code: int, store: Path) -> str | None:
    """What an exit code means to the user; None if it is not one of these."""
    if code == MOVED:
        return str(StoreMoved(store))
    if code == UNLOCKED:
        return f"The lock {store}.lock cannot be used: the log says why, and {_GOES_ON}."
    if code == REFUSED:
        return _REFUSED.format(store)
    if code == NO_ENGINE:
        return f"The workers for {store} cannot be started: the log says why, and `circuit-tui jobs resume` goes on."
    if code == LOST:
        return _OTHER.format(store)
    found = _SENTENCES.get(code - LOST)
    return found and found.format(store)
