"""The tables of a store: the same ones, whoever makes it and however often it is opened."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from circuit_store import store
from circuit_store.connection import Connection


def schema(path: Path) -> list[tuple]:
    with closing(sqlite3.connect(path)) as db:
        found = db.execute("SELECT type, name, sql FROM sqlite_master ORDER BY type, name").fetchall()
        return [*found, *(db.execute(f"PRAGMA {p}").fetchone() for p in ("user_version", "application_id"))]


def test_opening_again_changes_nothing(path):
    """Invariant: a second opening leaves the same schema."""
    store.close_writer(store.open_to_write(path))
    before = schema(path)
    store.close_writer(store.open_to_write(path))
    assert schema(path) == before


@pytest.mark.parametrize("moment", range(1, 7))
def test_a_store_that_another_makes_meanwhile_opens(path, monkeypatch, moment):
    """Invariant: whenever its tables come while it is looked at, it is a store."""
    asked = []

    class Slow(Connection):
        def execute(self, *given):
            asked.append(given)
            if len(asked) == moment:
                store.open_to_write(path).close()
            return super().execute(*given)

    monkeypatch.setattr(store, "Connection", Slow)
    with closing(store.open_to_write(path)) as db:
        assert db.execute("SELECT count(*) FROM model").fetchone()[0] == 0


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
