"""The journal of a store: a write-ahead log, by which readers and the one writing runner go on side by side.

On a file system that several hosts share its memory is not shared: there a store has none.
"""

import sqlite3
import time
from pathlib import Path

from circuit_store import filesystem


def choose(db: sqlite3.Connection, path: Path, patience: float) -> None:
    """See that a store has the journal that is safe where it lies.

    SQLite refuses to turn a log on while another connection does, and to turn it off while another has the store open.
    Then the journal stays as it is, and the next opening decides anew.

    Args:
        patience: seconds to wait for another that turns it on.
    """
    mode = "delete" if filesystem.shared(path) else "wal"
    deadline = time.monotonic() + (patience if mode == "wal" else 0)
    while db.execute("PRAGMA journal_mode").fetchone()[0] != mode:
        try:
            db.execute(f"PRAGMA journal_mode={mode}")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            if time.monotonic() > deadline:
                return
            time.sleep(0.02)


def logs_ahead(path: Path) -> bool | None:
    """Whether a store keeps a write-ahead log, by its header; None if there is none to read.

    Only for a process that does not have the store open: closing the file drops the locks that it holds on it.
    """
    try:
        if not path.is_file():  # opening a pipe would wait for whoever writes into it
            return None
        with path.open("rb") as file:
            header = file.read(20)
    except OSError:
        return None
    return header[18] == 2 if len(header) == 20 else None
