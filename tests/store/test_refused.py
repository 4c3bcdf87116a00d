"""Each way in which a store cannot be opened: one sentence, and the file is not touched."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from circuit_store import store
from circuit_store.errors import StoreError, StoreTooNew, StoreUnusable

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
    """Invariant: a file that is no database is refused, and not touched."""
    path.write_text("dear diary\n" * 100)
    with pytest.raises(StoreUnusable) as caught:
        opener(path)
    assert "not a database" in sentence(caught.value, path)
    assert path.read_text() == "dear diary\n" * 100


@pytest.mark.parametrize("opener, says", zip(OPENERS, ("is a folder", "Is a directory"), strict=True))
def test_a_folder_is_refused(tmp_path, opener, says):
    """Invariant: a folder in place of the file is said to be one."""
    with pytest.raises(StoreUnusable) as caught:
        opener(tmp_path)
    assert says in sentence(caught.value, tmp_path)


@pytest.mark.parametrize("opener", OPENERS)
@pytest.mark.parametrize("name", ["file/store.db", "x" * 300])
def test_a_path_that_cannot_be_is_refused(tmp_path, opener, name):
    """Invariant: a path below a file, or too long a name, is one sentence and no other exception."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnusable) as caught:
        opener(tmp_path / name)
    sentence(caught.value, tmp_path / name)
