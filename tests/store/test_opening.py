"""Opening a store: made, written, and read beside a writer or without any right to write."""

import os
import sqlite3
import stat
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import pytest

from circuit_store import queries, store
from circuit_store.errors import StoreUnusable
from circuit_store.transactions import transaction


def test_folders_and_a_private_file_are_made(tmp_path):
    """Invariant: a new store's folders are made, and only the user may read the file."""
    path = tmp_path / "a" / "b" / "store.db"
    store.open_to_write(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_name_may_be_no_text(tmp_path):
    """Invariant: a path is bytes; a store whose name no encoding knows is made, and read again."""
    path = tmp_path / os.fsdecode(b"\xff\x1b.db")
    store.open_to_write(path).close()
    store.open_to_read(path).close()
    assert b"\xff\x1b.db" in os.listdir(os.fsencode(tmp_path))


def test_odd_names_are_names(tmp_path):
    """Invariant: what is special in an SQLite URI is plain in a path."""
    path = tmp_path / "50% of #1?mode=memory&x.db"
    store.close_writer(store.open_to_write(path))
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    store.open_to_read(path).close()


def test_a_view_that_the_user_made_stays(path):
    """Invariant: opening brings the program's views up to date and touches no other."""
    with closing(store.open_to_write(path)) as db:
        db.execute("CREATE VIEW mine AS SELECT 1 AS one")
        db.execute("DROP VIEW task_behaviour")
        db.execute("CREATE VIEW task_behaviour AS SELECT 'stale'")
    with closing(store.open_to_write(path)) as db:
        assert db.execute("SELECT one FROM mine").fetchone()[0] == 1
        assert db.execute("SELECT * FROM task_behaviour").fetchall() == []


def test_reading_makes_no_store(path):
    """Invariant: opening to read creates nothing, and says how to make one."""
    with pytest.raises(StoreUnusable, match="circuit-tui demo"):
        store.open_to_read(path)
    assert not path.exists()


def test_an_empty_file_becomes_a_store(path):
    """Invariant: what mktemp leaves can be written to; to read, it holds nothing yet."""
    path.touch()
    with pytest.raises(StoreUnusable, match="holds no results yet"):
        store.open_to_read(path)
    store.open_to_write(path).close()
    store.open_to_read(path).close()


def test_readers_and_the_writer_go_side_by_side(toy):
    """Invariant: a reader is not blocked by an open transaction, sees nothing of it before COMMIT and all after."""
    with closing(store.open_to_read(toy.path)) as reader:
        before = queries.data_version(reader)
        with transaction(toy.db):
            toy.db.execute("UPDATE model SET params = 7")
            assert reader.execute("SELECT params FROM model").fetchone()[0] == 1000
        assert reader.execute("SELECT params FROM model").fetchone()[0] == 7
        assert queries.data_version(reader) != before


def test_a_reader_cannot_write(toy):
    """Invariant: a store that was opened to read refuses every change."""
    with closing(store.open_to_read(toy.path)) as reader, pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.execute("DELETE FROM model")


def test_a_failed_transaction_can_be_followed_by_another(toy):
    """Invariant: whatever is raised inside, nothing stays open and the reason is not hidden."""
    with pytest.raises(KeyboardInterrupt), transaction(toy.db):
        toy.db.execute("DELETE FROM unit")
        raise KeyboardInterrupt
    with pytest.raises(RuntimeError, match="disk full"), transaction(toy.db):
        toy.db.execute("ROLLBACK")
        raise RuntimeError("disk full")
    with transaction(toy.db):
        assert toy.db.execute("SELECT count(*) FROM unit").fetchone()[0] == 3


def test_closing_leaves_one_file(path):
    """Invariant: after `close_writer` the file alone is the store."""
    db = store.open_to_write(path)
    db.execute("CREATE VIEW mine AS SELECT 1")
    store.close_writer(db)
    assert [p.name for p in path.parent.iterdir()] == [path.name]


@pytest.mark.processes
def test_a_colleagues_store_in_a_folder_that_may_not_be_written_opens():
    """Invariant: without any right to write, a closed store opens to read (readers leave an empty log behind)."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store.db"
        store.close_writer(store.open_to_write(path))
        Path(f"{path}-wal").touch()
        path.chmod(0o444)
        Path(folder).chmod(0o555)
        assert read_without_rights(path) == 0
        assert sorted(p.name for p in Path(folder).iterdir()) == ["store.db", "store.db-wal"]
        Path(folder).chmod(0o755)


def read_without_rights(path: Path) -> int:
    """Exit code of a process that may not write and reads the store."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            if os.geteuid() == 0:
                os.setuid(65534)
            code = store.open_to_read(path).execute("SELECT count(*) FROM model").fetchone()[0]
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.processes
def test_reading_needs_neither_torch_nor_textual_nor_numpy(toy):
    """Invariant: the read path stands on the standard library alone; a store is made without pandas."""
    code = (
        "import sys, pathlib; from circuit_store import export, queries, store, views\n"
        "db = store.open_to_read(pathlib.Path(sys.argv[1]))\n"
        "for view in views.VIEWS.values(): export.text(queries.rows(db, view), [c.name for c in view.columns])\n"
        "heavy = {'torch', 'textual', 'numpy', 'rich', 'click', 'sqlite_utils', 'circuit_core'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "store.open_to_write(pathlib.Path(sys.argv[1] + '.new'))\n"
        "assert 'sqlite_utils' in sys.modules and 'pandas' not in sys.modules\n"
        "import pandas"
    )
    done = subprocess.run([sys.executable, "-c", code, toy.full().path], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.processes
def test_a_reader_keeps_its_place_when_its_own_process_writes_beside_it(tmp_path):
    """Invariant: after this process opened the store to write, a reader that was open before still sees what others
    write. Opening the file itself would drop the reader's locks, and the last writer to leave take its log away."""
    path = tmp_path / "store.db"
    store.close_writer(store.open_to_write(path))
    reader = store.open_to_read(path)
    reader.execute("SELECT count(*) FROM model").fetchone()
    store.open_to_write(path).close()
    for name in ("a", "b"):
        code = (
            "import sys, pathlib; from circuit_store import store;"
            "db = store.open_to_write(pathlib.Path(sys.argv[1]));"
            "db.execute('INSERT INTO model (name, suite, source) VALUES (?, ?, ?)', (sys.argv[2], 's', 's'));"
            "store.close_writer(db)"
        )
        subprocess.run([sys.executable, "-c", code, str(path), name], check=True)
        assert name in [row[0] for row in reader.execute("SELECT name FROM model")]
    reader.close()
