"""One runner a store: a lock on a file beside it, which falls with the process; between hosts the beat decides.

A lock may not hold on a file system that several hosts share.
"""

import fcntl
import os
import platform
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from circuit_store import control, runners
from circuit_store.store import open_to_write

BEAT = 5.0
"""Seconds between two beats of a runner."""
_POLL = 0.1


@contextmanager
def alone(store: Path, ending: Callable[[], bool]) -> Iterator[bool]:
    """Whether this is the only runner; waits for one that is about to end, unless this one is `ending`."""
    with open(f"{store}.lock", "a+") as file:
        os.chmod(file.name, 0o600)
        while not ending():
            with suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                yield True
                return
            if _served(store):
                break
            time.sleep(_POLL)
        yield False


def _served(store: Path) -> bool:
    """Whether the runner that holds the lock has not left: it will see what is queued."""
    db = open_to_write(store)
    try:
        holder = runners.holder(db)
        return holder is not None and (holder.host != platform.node() or control.lives(holder.pid))
    finally:
        db.close()


def beats_elsewhere(db: sqlite3.Connection) -> bool:
    """Whether another host's runner lives: its beat rises while one looks. No clock is asked."""
    first = runners.holder(db)
    if first is None or first.host == platform.node():
        return False
    time.sleep(3 * BEAT)
    return runners.holder(db) not in (None, first)
