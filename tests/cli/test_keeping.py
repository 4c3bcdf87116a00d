"""`verify` and `merge` on what is not a sound store: exit codes as documented, and sentences that say what helps."""

import json
import os
import shutil
import sqlite3
from contextlib import closing

import here
import pytest
import recorded

from circuit_store import merge, models, results
from circuit_store.queue import requests
from circuit_store.store import close_writer, open_to_write
from circuit_sweep.runner import exit_codes as faults_of_runners
from circuit_tui.cli import maintenance


@pytest.fixture
def known(fresh):
    """A store with one run of one model."""
    db = open_to_write(fresh.store)
    model = models.Model("toy", "folder", "models/toy", 1000, 2, 2, 8, True)
    ids = models.add_model(db, model, [models.CheckpointRecord(0, None, "step0")])
    requests.add_run(db, {"models": ["toy"]}, list(ids.values()))
    close_writer(db)
    return fresh


def change(shell, statement: str) -> None:
    with closing(sqlite3.connect(shell.store)) as db, db:
        db.execute("PRAGMA legacy_alter_table=ON")  # views keep the names of columns
        db.execute(statement)


def faults(shell) -> list[str]:
    """What `verify --json` finds, which ends with 1."""
    done = shell.here("verify", "--json")
    assert done.exit_code == 1, done.stderr
    return json.loads(done.stdout)["faults"]


def test_what_verify_finds_wrong_is_exit_1(known):
    """Invariant: a sound store is 0; broken JSON, other tables, an overwritten page or header, and another program's
    file are 1, and named in the document, too."""
    assert "is sound" in known.here("verify").stderr
    sound = known.store.read_bytes()
    for statement, says in (
        ("UPDATE run SET slots = '{'", "run.slots is not a JSON object in run 1"),
        ("ALTER TABLE unit RENAME COLUMN state TO how", "unit lacks the columns state"),
    ):
        change(known, statement)
        assert faults(known) == [says]
        known.store.write_bytes(sound)
    known.store.write_bytes(b"\xff" * 100 + sound[100:])
    assert "not a database" in faults(known)[0]
    known.store.unlink()
    with closing(sqlite3.connect(known.store)) as db:
        db.execute("CREATE TABLE theirs (x)")
    assert "not a store of circuit-tui" in faults(known)[0]


def test_broken_json_is_a_sentence_that_names_verify(known):
    """Invariant: exit 1, no traceback: what cannot be read is told apart from a store that is not the right one."""
    for column, command in (("slots", ("jobs",)), ("request", ("jobs", "show", "1")), ("request", ("jobs", "--json"))):
        change(known, f"UPDATE run SET {column} = '{{'")
        sentence = known.refused(*command, code=1)
        assert f"run.{column} is not a JSON object in row 1" in sentence and "`verify`" in sentence
        change(known, "UPDATE run SET slots = NULL, request = '{}'")
    change(known, "UPDATE run SET slots = '{'")
    assert here.run(known.store, known.folder / "log") == faults_of_runners.LOST
    assert "Traceback" not in (known.folder / "log").read_text()


def test_a_value_of_another_kind_is_a_sentence(known):
    """Invariant: a command that stumbles over it names the column, and ends with 1."""
    change(known, "UPDATE model SET n_layers = 'many'")
    sentence = known.refused("show", "heads", "toy", "--layer", "1", code=1)
    assert "is damaged (model.n_layers holds 1 values that are not INTEGER)" in sentence
    assert sentence.endswith("`verify` names all that is broken.")


def test_what_verify_cannot_look_at_is_exit_2(fresh):
    """Invariant: nothing there, a folder or a FIFO is a wrong name."""
    os.mkfifo(fresh.folder / "pipe")
    assert "There is no store at" in fresh.refused("verify")
    assert "is a folder, not a file" in fresh.refused("--store", ".", "verify")
    assert "pipe is a FIFO, not a file" in fresh.refused("--store", "pipe", "verify")


def test_a_fifo_in_the_stores_place_is_named_by_every_command(fresh):
    """Invariant: none waits for whoever writes into it, and none takes it for a store that is still to be made."""
    os.mkfifo(fresh.store)
    for command in ("models", "tasks", "jobs", "show heads", "run sample-0.1m", "run sample-0.1m --dry-run"):
        assert "store.db is a FIFO, not a file" in fresh.refused(*command.split())
    assert "store.db is a FIFO, not a file" in fresh("info")


def test_a_store_that_is_locked_is_waited_for(known, monkeypatch):
    """Invariant: exit 1; the sentence says to wait, not to name another store."""
    monkeypatch.setattr("circuit_store.store._PATIENCE", 0.0)
    with closing(sqlite3.connect(known.store, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("UPDATE run SET priority = 1")
        sentence = known.refused("jobs", "cancel", "1", code=1)
    assert "wait for that one, or end it" in sentence and "--store" not in sentence


def test_a_merge_on_a_full_disk_makes_room(known, monkeypatch):
    """Invariant: exit 1; the sentence says to make room, nothing is taken over, and the store is sound."""
    other = known.folder / "other.db"
    db = open_to_write(other)
    model = models.Model("more" * 10_000, "folder", "models/more", 1000, 2, 2, 8, True)
    models.add_model(db, model, [models.CheckpointRecord(0, None, "step0")])
    close_writer(db)

    def full(path):
        db = open_to_write(path)
        db.execute(f"PRAGMA max_page_count={db.execute('PRAGMA page_count').fetchone()[0]}")
        return db

    before = known("show", "models", "--json")
    with monkeypatch.context() as patch:
        patch.setattr(maintenance, "open_to_write", full)
        sentence = known.refused("merge", other, code=1)
    assert "make room" in sentence and "--store" not in sentence
    assert known("show", "models", "--json") == before and "is sound" in known.here("verify").stderr


def test_trends_of_a_merge_that_was_killed_before_them(known):
    """Invariant: results that came over without their trends get them from the same command."""
    other = known.folder / "other.db"
    shutil.copy(known.store, other)
    with closing(open_to_write(other)) as db:
        models.checkpoint_loaded(db, 1, "ok", "f0")
        task = results.TaskRecord("ioi", "hash", "logit_diff", False)
        of = results.Provenance("key", 1, 1, "behaviour", {}, "size", "f0", "float32", 0.5, None, task)
        results.write(db, of, recorded.behaviour(1.5, 0.1, 1.0, 2.0, 70, 0.5))
    with closing(open_to_write(known.store)) as db:
        assert merge.merge(db, other).results == 1
    shown = lambda: json.loads(known("show", "emergence", "--json"))["rows"]  # noqa: E731
    assert not shown()
    assert "0 results taken over, 1 were there already." in known.here("merge", other).stderr
    assert {row["name"] for row in shown()} == {"ioi"} and not any(row["stale"] for row in shown())
