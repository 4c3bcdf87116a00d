"""Open a store: to write (made if need be), or to read, also where nothing may be written.

Every opening to write sees to it that the store has the journal that is safe (`journal`). A store in a folder that
cannot be written, with nothing in a log beside it, is opened as immutable, because SQLite cannot read a write-ahead
store there otherwise.
"""

import errno
import os
import sqlite3
import stat
from pathlib import Path

from circuit_store import journal
from circuit_store.connection import Connection, identity, uri
from circuit_store.display_text import said
from circuit_store.errors import StoreDamaged, StoreError, StoreFailed, StoreTooNew, StoreTooOld, StoreUnusable
from circuit_store.transactions import transaction

APPLICATION_ID = 0x43545549
VERSION = 25
"""Of the tables; raised with every change to them. All before it are of versions that were never released."""
_PATIENCE = 10.0  # seconds to wait for another writer
_HINT = "name another with --store FILE or the variable CIRCUIT_TUI_STORE"
_REMEDIES = {
    sqlite3.SQLITE_BUSY: "another program holds it locked: wait for that one, or end it",
    sqlite3.SQLITE_LOCKED: "another program holds it locked: wait for that one, or end it",
    sqlite3.SQLITE_FULL: "no space is left: make room, and give the same command again",
    sqlite3.SQLITE_IOERR: "the disk fails, or no space is left: look at it, and at the store with `verify`",
    sqlite3.SQLITE_CORRUPT: "it is damaged: look at it with `verify`, and put a backup in its place",
}


def open_to_write(path: Path, make: bool = True) -> Connection:
    """Open `path`, making file, folders and tables as needed; the file is for the user alone.

    Args:
        make: whether a file that is not there is made.

    Raises:
        StoreUnusable: it can be neither opened nor made, or is not a store.
        StoreFailed: it cannot be used now.
        StoreTooOld, StoreTooNew: another version made it.
    """
    try:
        _be_file(path)
        if make:
            path.parent.mkdir(parents=True, exist_ok=True)
            _make(path)
        db = _connect(path, "mode=rw")
        journal.choose(db, path, _PATIENCE)
        if db.execute("PRAGMA user_version").fetchone()[0] != VERSION:
            from circuit_store.schema import make_tables
            from circuit_store.table_maker import Database

            with transaction(db):
                if db.execute("PRAGMA user_version").fetchone()[0] != VERSION:  # else another process was faster
                    db.execute(f"PRAGMA application_id={APPLICATION_ID}")
                    make_tables(Database(db))
                    _make_views(db)
                    db.execute(f"PRAGMA user_version={VERSION}")
        if _changed_views(db):  # to those of `views.VIEWS`; views that the user made stay
            with transaction(db):
                _make_views(db)
    except OSError as error:
        fault = "cannot be written" if os.path.isfile(path) else "can be neither opened nor made"
        raise StoreUnusable(f"The store {path} {fault} ({error.strerror}): {_HINT}.") from None
    except sqlite3.Error as error:
        raise _refused(path, "written", error) from None
    return db


def remedy(error: sqlite3.Error) -> str | None:
    """What is wrong with a store that is the right one, and what to do; None for what another store would mend."""
    if "malformed JSON" in str(error):
        return "look at it with `verify`"
    return _REMEDIES.get(getattr(error, "sqlite_errorcode", 0) & 0xFF)


def _refused(path: Path, use: str, error: sqlite3.Error) -> StoreUnusable:
    known, code = remedy(error), getattr(error, "sqlite_errorcode", 0) & 0xFF
    if known and code != sqlite3.SQLITE_CORRUPT:
        return StoreFailed(f"The store {path} cannot be {use} ({error}): {known}.")
    damaged = code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
    return (StoreDamaged if damaged else StoreUnusable)(f"The store {path} cannot be {use} ({error}): {_HINT}.")


def _be_file(path: Path) -> None:
    """Raises: StoreUnusable, if something else lies there: opening a FIFO would wait for whoever writes into it."""
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return
    if not stat.S_ISREG(mode):
        raise StoreUnusable(f"The store {path} is {kind(mode)}, not a file: {_HINT}.")


_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFLNK: "a link",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFREG: "a file",
}


def kind(mode: int) -> str:
    """What a path leads to, by the mode that `os.stat` gives."""
    return _KINDS.get(stat.S_IFMT(mode), "a device")


def _make(path: Path) -> None:
    """See that the file is there. One that is there is not opened: closing it again would drop the locks that other
    connections of this process hold on it, and the last writer to leave would take the log away under them.

    Raises:
        OSError: it cannot be made, or may not be written.
    """
    if not path.is_file():
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    elif not os.access(path, os.R_OK | os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)


def open_to_read(path: Path) -> Connection:
    """Open `path` for reading only.

    Raises:
        StoreUnusable: there is no such file, or it is not a store.
        StoreFailed: it cannot be read now.
        StoreTooOld, StoreTooNew: another version made it.
    """
    try:
        _be_file(path)
        if not path.is_file():
            raise StoreUnusable(f"There is no store at {path}: make one with `circuit-tui demo` or `run`, or {_HINT}.")
    except OSError as error:
        raise StoreUnusable(f"The store {path} cannot be read ({error.strerror}): {_HINT}.") from None
    log = Path(f"{path}-wal")
    lonely = not os.access(path.parent, os.W_OK) and not (log.exists() and log.stat().st_size)
    try:
        db = _connect(path, "mode=ro&immutable=1" if lonely else "mode=ro")
        version = db.execute("PRAGMA user_version").fetchone()[0]
        db.execute("PRAGMA query_only=ON")
    except sqlite3.Error as error:
        raise _refused(path, "read", error) from None
    if version == 0:
        raise StoreUnusable(f"The store {path} holds no results yet: `circuit-tui run MODEL` brings some, or {_HINT}.")
    return db


def to_be_made(path: Path) -> bool:
    """Whether nothing lies at a path yet, or an empty file: opening to write makes a store there."""
    return not path.exists() or path.is_file() and not path.stat().st_size


def close_writer(db: Connection) -> None:
    """Fold the log into the one file, so that the file alone is the store."""
    if not db.moved():
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()


def _connect(path: Path, how: str) -> Connection:
    """Raises: sqlite3.Error; StoreDamaged, StoreTooOld, StoreTooNew, if it is neither empty nor of this version."""
    before = identity(path)
    db = sqlite3.connect(
        uri(path, how), uri=True, timeout=_PATIENCE, isolation_level=None, check_same_thread=False, factory=Connection
    )
    db.of(path, before, writes=how == "mode=rw")
    db.row_factory = sqlite3.Row
    db.create_function("said", 1, said, deterministic=True)  # for `queries.Arrangement`
    db.execute("PRAGMA foreign_keys=ON")
    db.execute("PRAGMA synchronous=NORMAL")
    try:
        # Tables first: another process may make them meanwhile, and commits them with the two numbers.
        tables = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        application = db.execute("PRAGMA application_id").fetchone()[0]
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if tables and application != APPLICATION_ID:
            raise StoreDamaged(f"The file {path} is an SQLite database, but not a store of circuit-tui: {_HINT}.")
        if tables and version < VERSION:
            raise StoreTooOld(
                f"The store {path} was made by a version before 0.1.0 (schema {version}, this one knows {VERSION}): "
                "compute anew into another file with --store FILE; nothing in this one is changed."
            )
        if version > VERSION:
            raise StoreTooNew(
                f"The store {path} was written by a later circuit-tui (schema {version}, this one knows {VERSION}): "
                "install the newer version, or name another store with --store FILE."
            )
    except StoreError:
        db.close_unchanged()
        raise
    return db


def _make_views(db: sqlite3.Connection) -> None:
    for name, statement in _changed_views(db):
        db.execute(f"DROP VIEW IF EXISTS {name}")
        db.execute(statement)


def _changed_views(db: sqlite3.Connection) -> set[tuple[str, str]]:
    from circuit_store.views import VIEWS

    wanted = {(v.table, f"CREATE VIEW {v.table} AS {v.statement()}") for v in VIEWS.values() if v.table}
    return wanted - set(map(tuple, db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'view'")))
