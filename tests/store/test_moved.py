"""A store that is deleted, moved or replaced while a connection to it is open: neither file is spoilt by the other."""

import gc
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from circuit_store import maintenance, store
from circuit_store.errors import StoreMoved


def deleted(path: Path, other: Path) -> None:
    path.unlink()


def moved(path: Path, other: Path) -> None:
    path.rename(path.with_name("elsewhere.db"))


def replaced(path: Path, other: Path) -> None:
    """By a store that was closed: the log's name stays."""
    other.rename(path)


def replaced_with_its_log(path: Path, other: Path) -> None:
    """By a store with a log of its own, of which a process that was killed has left more than the file holds."""
    other.rename(path)
    other.with_name("other.db-wal").rename(f"{path}-wal")
    Path(f"{path}-shm").unlink()


@pytest.fixture
def other(toy, tmp_path) -> Path:
    """A store with a log beside it, whose last row is in the log alone; nothing has it open."""
    made = type(toy)(tmp_path / "made.db")
    made.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    made.db.execute("UPDATE model SET params = 77")
    for end in ("", "-wal"):
        shutil.copy(f"{made.path}{end}", tmp_path / f"other.db{end}")
    made.db.close()
    return tmp_path / "other.db"


def lying(path: Path) -> dict[str, bytes]:
    """Name and content of a store and its log."""
    files = (path, Path(f"{path}-wal"))
    return {file.name: file.read_bytes() for file in files if file.exists()}


def params(path: Path) -> int:
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return db.execute("SELECT params FROM model").fetchone()[0]


@pytest.mark.parametrize("ends", ["close", "close_writer", "forgotten"])
@pytest.mark.parametrize("change", [deleted, moved, replaced, replaced_with_its_log])
def test_neither_file_is_spoilt(toy, other, tmp_path, change, ends):
    """Invariant: the file that was opened has all that was written, in the file itself; what lies at its path since,
    and the log under its name, keep their bytes and are sound; the log that is left behind is empty."""
    toy.full().db.execute("UPDATE model SET params = 7")
    os.link(toy.path, tmp_path / "kept.db")
    change(toy.path, other)
    theirs = lying(toy.path) if change is replaced_with_its_log else {}
    file = toy.path.read_bytes() if toy.path.exists() else None
    with pytest.raises(StoreMoved, match="deleted, moved or replaced"):
        toy.db.in_place()
    if ends == "forgotten":
        toy.db = sqlite3.connect(":memory:")
        gc.collect()
    else:
        (toy.db.close if ends == "close" else lambda: store.close_writer(toy.db))()
    assert (toy.path.read_bytes() if toy.path.exists() else None) == file
    assert lying(toy.path).get("store.db-wal") == theirs.get("store.db-wal", b"")
    assert params(tmp_path / "kept.db") == 7
    if file is not None:
        assert params(toy.path) == (77 if theirs else 1000)


def test_a_reader_takes_nothing_away(toy, other):
    """Invariant: a connection that only reads leaves the log of the file that has taken the store's place."""
    reader = store.open_to_read(toy.path)
    assert reader.execute("SELECT params FROM model").fetchone()[0] == 1000
    toy.db.close()
    replaced_with_its_log(toy.path, other)
    theirs = lying(toy.path)
    assert reader.moved()
    reader.close()
    assert lying(toy.path) == theirs and params(toy.path) == 77


def test_a_store_in_its_place_is_closed(toy, tmp_path):
    """Invariant: a store that is reached by a link, and one that was moved and brought back, is where it was."""
    (tmp_path / "link.db").symlink_to(toy.path)
    linked = store.open_to_write(tmp_path / "link.db")
    toy.path.rename(tmp_path / "away.db")
    (tmp_path / "away.db").rename(toy.path)
    for db in (linked, toy.db):
        db.in_place()
        db.close()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["link.db", "store.db"]
    assert maintenance.faults(store.open_to_read(toy.path)) == []
