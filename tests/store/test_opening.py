"""Opening a store: made, migrated, read beside a writer, and each way in which it cannot be used."""

import os
import sqlite3
import stat
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from circuit_store import queries, store
from circuit_store.errors import StoreError, StoreTooNew, StoreUnusable
from circuit_store.schema import migrations
from circuit_store.transactions import transaction

OPENERS = [store.open_to_read, store.open_to_write]


def sentence(error: StoreError, path: Path) -> str:
    """The message, which is one line that names the path and what to do."""
    text = str(error)
    assert "\n" not in text and text.endswith(".")
    assert str(path) in text and "--store" in text
    return text


def schema(path: Path) -> list[tuple]:
    with closing(sqlite3.connect(path)) as db:
        found = db.execute("SELECT type, name, sql FROM sqlite_master ORDER BY type, name").fetchall()
        return [*found, *(db.execute(f"PRAGMA {p}").fetchone() for p in ("user_version", "application_id"))]


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


def test_opening_again_changes_nothing(path):
    """Invariant: migrations are idempotent; a second opening leaves the same schema."""
    store.close_writer(store.open_to_write(path))
    before = schema(path)
    store.close_writer(store.open_to_write(path))
    assert schema(path) == before


@pytest.mark.parametrize("done", range(store.VERSION))
def test_a_migrated_store_equals_a_fresh_one(tmp_path, done):
    """Invariant: a store that stopped after any migration ends with the schema of a new one."""
    from sqlite_utils import Database

    old, new = tmp_path / "old.db", tmp_path / "new.db"
    names = [m.name for m in migrations.pending(Database(memory=True))]
    database = Database(old)
    migrations.apply(database, stop_before=names[done])
    database.conn.execute(f"PRAGMA application_id={store.APPLICATION_ID}")
    database.conn.execute(f"PRAGMA user_version={done}")
    database.close()
    for path in (old, new):
        store.close_writer(store.open_to_write(path))
    assert schema(old) == schema(new)


def test_circuits_of_before_say_why_they_have_no_areas(tmp_path):
    """Invariant: an import and a curve of few sizes get their reasons, areas that exist get none."""
    from sqlite_utils import Database

    path = tmp_path / "old.db"
    database = Database(path)
    migrations.apply(database, stop_before="reasons_of_circuits")
    database.conn.executescript(f"""
        PRAGMA application_id={store.APPLICATION_ID}; PRAGMA user_version=8; PRAGMA foreign_keys=OFF;
        INSERT INTO result (id, key, run_id, checkpoint_id, analysis, params, identity, dtype, device, threads, seconds)
            SELECT value, value, 1, 1, 'circuit', '{{}}', '', '', '', 1, 1 FROM json_each('[1, 2, 3]');
        INSERT INTO circuit (result_id, n_edges_total, imported_from, cpr)
            VALUES (1, 9, 'file.json', NULL), (2, 9, NULL, NULL), (3, 9, NULL, 0.5);
    """)
    database.close()
    db = store.open_to_write(path)
    found = db.execute("SELECT reason, areas_reason FROM result JOIN circuit ON result_id = id ORDER BY id").fetchall()
    few = "the curve lacks some of the ten sizes that the areas need; search `grid` evaluates them"
    imported = "imported: never evaluated here"
    assert [tuple(row) for row in found] == [(imported, imported), (None, few), (None, None)]
    db.close()


def test_circuits_of_before_lose_what_is_defined_otherwise_now(tmp_path):
    """Invariant: a baseline of other random circuits is none, and a circuit without edges reaches no threshold."""
    from sqlite_utils import Database

    path = tmp_path / "old.db"
    database = Database(path)
    migrations.apply(database, stop_before="reasons_of_circuits")
    database.conn.executescript(f"""
        PRAGMA application_id={store.APPLICATION_ID}; PRAGMA user_version=8; PRAGMA foreign_keys=OFF;
        INSERT INTO circuit (result_id, n_edges_total, n_edges, threshold_reached)
            VALUES (1, 9, 0, 1), (2, 9, 3, 1), (3, 9, 0, NULL), (4, 9, 3, 0);
        INSERT INTO faithfulness (result_id, n_requested, n_edges, n_nodes, faithfulness, random_baseline)
            VALUES (2, 4, 3, 2, 0.9, 0.5);
    """)
    database.close()
    with closing(store.open_to_write(path)) as db:
        reached = db.execute("SELECT threshold_reached FROM circuit ORDER BY result_id")
        assert [row[0] for row in reached] == [0, 1, None, 0]
        assert tuple(db.execute("SELECT faithfulness, random_baseline FROM faithfulness").fetchone()) == (0.9, None)


def test_an_older_store_learns_what_its_results_left_unsaid(tmp_path):
    """Invariant: a migration computes no score, but says what follows from those that are stored."""
    from sqlite_utils import Database

    path = tmp_path / "old.db"
    database = Database(path)
    migrations.apply(database, stop_before="reasons_of_heads_and_greater_than")
    early = "copy suppression is not looked for before layer 1"
    stages = [("movers_and_suppressors", 80.0, '{"name_mover": []}'), ("s_inhibition", 5.0, "{}")]
    stages += [("induction_and_duplicate", 3.0, "{}")]
    with database.conn:
        execute = database.conn.execute
        execute("PRAGMA foreign_keys=OFF")
        fields = "id, key, run_id, checkpoint_id, analysis, role, params, identity, dtype, device, threads, seconds"
        for at, role, reason in ((1, "copy_suppression", early), (2, "induction", "not finite"), (3, None, None)):
            analysis = "heads" if role else "algorithm"
            row = (at, str(at), 1, 1, analysis, role, "{}", "", "float32", "cpu", 1, 1.0, reason)
            execute(f"INSERT INTO result ({fields}, reason) VALUES (?{', ?' * 12})", row)
        for result in (1, 2):
            for layer, value in ((0, None), (1, None), (2, 0.5)):
                execute("INSERT INTO head_score VALUES (?, ?, 0, ?, NULL, NULL)", (result, layer, value))
        for result, text in ((3, stages[0][2]), (4, '{"name_mover": [], "copy_suppression": []}')):
            for place, (stage, percent, heads) in enumerate(stages):
                row = (result, place, stage, percent, 0.0, 1.0, heads if place else text, "all", 0, None)
                execute(f"INSERT INTO stage VALUES (?{', ?' * 9})", row)
        execute(f"PRAGMA application_id={store.APPLICATION_ID}")
        execute("PRAGMA user_version=8")
    database.close()
    db = store.open_to_write(path)
    found = [tuple(row) for row in db.execute("SELECT result_id, layer, reason FROM head_score WHERE reason NOTNULL")]
    assert found == [(1, 1, "mean-ablating the head changes no prediction, or activations are not finite")]
    noted = "copy suppression is not counted"
    notes = [row["note"] for row in db.execute("SELECT note FROM stage ORDER BY result_id, place")]
    assert notes == [noted, None, noted, None, None, None]
    db.close()


def test_the_version_is_the_number_of_migrations():
    """Invariant: whoever adds a migration raises VERSION, or old stores would never get it."""
    from sqlite_utils import Database

    assert len(migrations.pending(Database(memory=True))) == store.VERSION


def test_many_may_make_one_store_at_once(tmp_path):
    """Invariant: processes that open a new store together all succeed, and it has one schema."""
    path, lone = tmp_path / "store.db", tmp_path / "lone.db"
    code = (
        "import sys, pathlib, sqlite_utils; from circuit_store import schema, store\n"
        "print('ready', flush=True); sys.stdin.readline(); store.open_to_write(pathlib.Path(sys.argv[1]))"
    )
    pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    made: list[Any] = [subprocess.Popen([sys.executable, "-c", code, path], text=True, **pipes) for _ in range(6)]
    assert [p.stdout.readline() for p in made] == ["ready\n"] * 6
    for process in made:
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [p.communicate()[1] for p in made] == [""] * 6
    store.close_writer(store.open_to_write(lone))
    assert schema(path) == schema(lone)


def test_a_view_that_the_user_made_stays(path):
    """Invariant: opening brings the program's views up to date and touches no other."""
    with closing(store.open_to_write(path)) as db:
        db.execute("CREATE VIEW mine AS SELECT 1 AS one")
        db.execute("DROP VIEW task_behaviour")
        db.execute("CREATE VIEW task_behaviour AS SELECT 'stale'")
    with closing(store.open_to_write(path)) as db:
        assert db.execute("SELECT one FROM mine").fetchone()[0] == 1
        assert db.execute("SELECT * FROM task_behaviour").fetchall() == []


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


def test_reading_needs_neither_torch_nor_textual_nor_numpy(toy):
    """Invariant: the read path stands on the standard library alone."""
    code = (
        "import sys, pathlib; from circuit_store import export, queries, store, views\n"
        "db = store.open_to_read(pathlib.Path(sys.argv[1]))\n"
        "for view in views.VIEWS.values(): export.text(queries.rows(db, view), [c.name for c in view.columns])\n"
        "heavy = {'torch', 'textual', 'numpy', 'rich', 'click', 'sqlite_utils', 'circuit_core'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code, toy.full().path], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


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
