"""The steps that make the tables: run once each, whoever opens the store, and from wherever an older one stopped."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database

from circuit_store import store
from circuit_store.schema import migrations


def schema(path: Path) -> list[tuple]:
    with closing(sqlite3.connect(path)) as db:
        found = db.execute("SELECT type, name, sql FROM sqlite_master ORDER BY type, name").fetchall()
        return [*found, *(db.execute(f"PRAGMA {p}").fetchone() for p in ("user_version", "application_id"))]


def test_opening_again_changes_nothing(path):
    """Invariant: migrations are idempotent; a second opening leaves the same schema."""
    store.close_writer(store.open_to_write(path))
    before = schema(path)
    store.close_writer(store.open_to_write(path))
    assert schema(path) == before


@pytest.mark.parametrize("done", range(store.VERSION))
def test_a_migrated_store_equals_a_fresh_one(tmp_path, done):
    """Invariant: a store that stopped after any migration ends with the schema of a new one."""
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


def test_the_version_is_the_number_of_migrations():
    """Invariant: whoever adds a migration raises VERSION, or old stores would never get it."""
    assert len(migrations.pending(Database(memory=True))) == store.VERSION


@pytest.mark.processes
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
