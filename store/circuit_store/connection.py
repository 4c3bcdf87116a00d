"""A connection that knows which file it opened, and touches nothing at its path once another file lies there.

SQLite finds the log of a store (`-wal`, `-shm`) by name: the last connection that closes folds it into its file and
takes the names away. If the store was deleted, moved or replaced meanwhile, those names are another store's. Such a
connection is never closed: it ends with its process. What it has open still leads to its own files, so it folds what
its log holds into the store that was moved; what lies under the log's name is empty then, and spoils no other store.
"""

import ctypes
import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from circuit_store.errors import StoreMoved

_GONE = (FileNotFoundError, NotADirectoryError)
_MOMENT = 500
"""Milliseconds to wait for others that read from a log that is to be folded."""


class Connection(sqlite3.Connection):
    """To a store; `of` says which."""

    path: Path | None = None
    file: tuple[int, int] | None = None
    """Device and inode of what was opened."""
    writes = False
    """Only a connection that writes takes the log away."""
    _left_open = False

    def of(self, path: Path, file: tuple[int, int] | None, writes: bool) -> None:
        self.path, self.file, self.writes = path.absolute(), file, writes

    def moved(self) -> bool:
        """Whether the path leads to the file that was opened no more."""
        return self.path is not None and self.file is not None and identity(self.path, self.file) != self.file

    def in_place(self) -> None:
        """Raises: StoreMoved."""
        if self.moved():
            raise StoreMoved(self.path)

    def close(self) -> None:
        if self.writes and self.moved():
            self._leave_open()
        else:
            super().close()

    def close_unchanged(self) -> None:
        """Leave the file byte for byte, also what a writer that died left in its log: the last to close would fold that
        in. So another connection is the last, which only reads.
        """
        log = Path(f"{self.path}-wal")
        if not (self.path and self.writes and log.exists() and log.stat().st_size):
            return self.close()
        with closing(sqlite3.connect(uri(self.path, "mode=ro"), uri=True)) as reader:
            reader.execute("PRAGMA user_version").fetchone()
            self.close()

    def __del__(self) -> None:
        if self.writes and self.moved():
            self._leave_open()
        elif hasattr(sqlite3.Connection, "__del__"):  # from Python 3.13 on
            super().__del__()  # type: ignore[misc]

    def _leave_open(self) -> None:
        """Nothing frees this object any more: that would close it."""
        if self._left_open:
            return
        self._left_open = True
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self))
        with suppress(sqlite3.Error):
            self.execute(f"PRAGMA busy_timeout={_MOMENT}")
            self.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def uri(path: Path, how: str) -> str:
    """By which SQLite opens a file, such as with `mode=ro`."""
    quoted = str(path.absolute()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    return f"file:{quoted}?{how}"


def identity(path: Path, unknown: tuple[int, int] | None = None) -> tuple[int, int] | None:
    """Device and inode of what lies at a path; None if nothing does, `unknown` if that cannot be told."""
    try:
        found = os.stat(path)
    except _GONE:
        return None
    except OSError:
        return unknown
    return found.st_dev, found.st_ino
