"""The lock that gives a store one runner: on a file beside it, released when the process ends; between hosts, the
runner's regular sign of life decides.

The file is open to whom the store is, so that colleagues who share a store share its runner. It is opened without
following a link or waiting for anybody. A lock may not hold on a file system that several hosts share.
"""

import fcntl
import os
import platform
import pwd
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from sqlite3 import Connection

from circuit_core.errors import CircuitError
from circuit_store.queue import control, runners
from circuit_store.store import kind, open_to_write

BEAT = 5.0
"""Seconds between two beats of a runner."""
_POLL = 0.1
_SAFELY = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class LockUnusable(CircuitError):
    """What lies where the lock should is not a file, or is closed to the user."""


@contextmanager
def alone(store: Path, ending: Callable[[], bool]) -> Iterator[bool]:
    """Whether this is the only runner; waits for one that is about to end, unless this one is `ending`.

    Raises:
        LockUnusable: it cannot be told.
        StoreError: the store cannot be opened.
    """
    try:
        lock = _opened(store, os.O_RDWR)
    except FileNotFoundError:
        lock = _opened(store, os.O_RDWR | os.O_CREAT)
    with suppress(OSError):  # open to whom the store is, as SQLite does with a store's log, where the user may say so
        wanted, root = os.stat(store), os.geteuid() == 0
        if root or os.geteuid() == os.fstat(lock).st_uid:
            os.fchown(lock, wanted.st_uid if root else -1, wanted.st_gid)
            os.fchmod(lock, wanted.st_mode & 0o666)
    try:
        while not ending():
            if _taken(lock, store):
                yield True
                return
            with closing(open_to_write(store, make=False)) as db:
                holder = runners.holder(db)
            if holder is not None and (holder.host != platform.node() or control.lives(holder.pid)):
                break  # it has not left, and will see what is queued
            time.sleep(_POLL)
        yield False
    finally:
        os.close(lock)


def held(store: Path) -> bool:
    """Whether some process on this host has the lock. Raises: LockUnusable."""
    try:
        lock = _opened(store, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        return not _taken(lock, store, fcntl.LOCK_SH)
    finally:
        os.close(lock)


def check(store: Path) -> None:
    """See that a runner of this user's could begin. Raises: LockUnusable."""
    with suppress(FileNotFoundError):
        os.close(_opened(store, os.O_RDWR))


def _opened(store: Path, flags: int) -> int:
    """Raises: FileNotFoundError, if there is none and none is to be made; LockUnusable."""
    path = Path(f"{store}.lock")
    try:
        lock = os.open(path, flags | _SAFELY, 0o600)
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not flags & os.O_CREAT:
            raise
        raise LockUnusable(_sentence(path, error.strerror)) from None
    if not stat.S_ISREG(os.fstat(lock).st_mode):
        os.close(lock)
        raise LockUnusable(_sentence(path, ""))
    return lock


def _taken(lock: int, store: Path, how: int = fcntl.LOCK_EX) -> bool:
    """Raises: LockUnusable, where files cannot be locked."""
    try:
        fcntl.flock(lock, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise LockUnusable(_sentence(Path(f"{store}.lock"), error.strerror)) from None
    return True


def _sentence(path: Path, why: str | None) -> str:
    """What is wrong with a lock, whose it is, and what to do."""
    try:
        found = os.lstat(path)
    except OSError:
        return f"The lock {path} cannot be made ({why}): no run can begin on a store whose folder is closed to you."
    if not stat.S_ISREG(found.st_mode):
        return f"The lock {path} is {kind(found.st_mode)}, made by {_name(found.st_uid)}: remove it, no run can begin."
    remedy = ""
    with suppress(OSError):
        wanted = os.stat(path.with_suffix("")).st_mode & 0o666
        remedy = f", `chmod {wanted:o} {path}`"
    return (
        f"The lock {path} belongs to {_name(found.st_uid)} and cannot be used ({why}): no run of yours can begin "
        f"before its owner opens it to whom the store is{remedy}."
    )


def _name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"user {user}"


def beats_elsewhere(db: Connection) -> bool:
    """Whether another host's runner lives: its beat rises while one looks. No clock is asked."""
    first = runners.holder(db)
    if first is None or first.host == platform.node():
        return False
    time.sleep(3 * BEAT)
    return runners.holder(db) not in (None, first)
