"""Each way in which a store cannot be opened: one sentence, and the file is not touched."""

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from circuit_store import store
from circuit_store.errors import StoreError, StoreFailed, StoreTooNew, StoreTooOld, StoreUnusable

OPENERS = [store.open_to_read, store.open_to_write]


def sentence(error: StoreError, path: Path) -> str:
    """The message, which is one line that names the path and what to do."""
    text = str(error)
    assert "\n" not in text and text.endswith(".")
    assert str(path) in text and "--store" in text
    return text


@pytest.mark.parametrize("opener", OPENERS)
def test_a_later_version_is_refused(path, opener):
    """Invariant: a store of a newer program is StoreTooNew, and is not touched."""
    store.close_writer(store.open_to_write(path))
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version={store.VERSION + 1}")
    before = path.read_bytes()
    with pytest.raises(StoreTooNew) as caught:
        opener(path)
    assert "newer version" in sentence(caught.value, path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("opener", OPENERS)
@pytest.mark.parametrize("version", [0, 1, store.VERSION - 1])
@pytest.mark.parametrize("died", [False, True], ids=["closed", "its writer died"])
def test_an_earlier_version_is_refused(toy, path, opener, version, died):
    """Invariant: one sentence says what to do; neither the store nor what a writer left in its log is touched."""
    old, log = path.with_name("old.db"), path.with_name("old.db-wal")
    toy.db.execute(f"PRAGMA user_version={version}")
    if not died:
        toy.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(path, old)
    shutil.copy(f"{path}-wal", log)
    before = old.read_bytes(), log.read_bytes()
    assert bool(before[1]) == died
    with pytest.raises(StoreTooOld) as caught:
        opener(old)
    said = sentence(caught.value, old)
    assert f"made by a version before 0.1.0 (schema {version}" in said and "another file with --store FILE" in said
    assert (old.read_bytes(), log.read_bytes() if log.exists() else b"") == before


@pytest.mark.parametrize("opener", OPENERS)
def test_another_programs_database_is_refused(path, opener):
    """Invariant: a foreign SQLite file is refused as such, and not touched."""
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE theirs (x)")
        db.commit()
    before = path.read_bytes()
    with pytest.raises(StoreUnusable) as caught:
        opener(path)
    assert "not a store of circuit-tui" in sentence(caught.value, path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("opener", OPENERS)
def test_a_text_file_is_refused(path, opener):
    """Invariant: a file that is not a database is refused, and not touched."""
    path.write_text("dear diary\n" * 100)
    with pytest.raises(StoreUnusable) as caught:
        opener(path)
    assert "not a database" in sentence(caught.value, path)
    assert path.read_text() == "dear diary\n" * 100


@pytest.mark.parametrize("opener", OPENERS)
def test_what_is_no_file_is_refused(tmp_path, opener):
    """Invariant: a folder, a FIFO or a device in place of the file is said to be one, and is not waited for."""
    os.mkfifo(tmp_path / "pipe")
    for path, is_what in ((tmp_path, "a folder"), (tmp_path / "pipe", "a FIFO"), (Path("/dev/null"), "a device")):
        with pytest.raises(StoreUnusable) as caught:
            opener(path)
        assert f"{path} is {is_what}, not a file" in sentence(caught.value, path)


@pytest.mark.parametrize("opener", OPENERS)
def test_a_store_that_is_locked_is_waited_for(toy, opener, monkeypatch):
    """Invariant: the store is the right one: the sentence says to wait for who holds it, and names no other."""
    toy.db.execute("PRAGMA locking_mode=EXCLUSIVE")
    toy.db.execute("UPDATE model SET params = 7")
    monkeypatch.setattr(store, "_PATIENCE", 0.0)
    with pytest.raises(StoreFailed) as caught:
        opener(toy.path)
    assert "wait for that one, or end it" in str(caught.value) and "--store" not in str(caught.value)


@pytest.mark.parametrize("opener", OPENERS)
@pytest.mark.parametrize("name", ["file/store.db", "x" * 300])
def test_a_path_that_cannot_be_is_refused(tmp_path, opener, name):
    """Invariant: a path below a file, or too long a name, is one sentence and no other exception."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnusable) as caught:
        opener(tmp_path / name)
    sentence(caught.value, tmp_path / name)
