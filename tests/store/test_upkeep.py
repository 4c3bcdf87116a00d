"""A store as a whole: checked, copied while it is written, and joined with another."""

import sqlite3
import stat
from contextlib import closing

import pytest
import recorded

from circuit_store import export, maintenance, models, queries, results, store, task_files, views
from circuit_store.errors import StoreTooNew, StoreUnusable
from circuit_store.merge import merge
from circuit_store.task_files import TaskFile
from circuit_store.transactions import transaction


def exports(db) -> dict[str, str]:
    """Every view but those of runs and trends, as files."""
    trends = ("emergence", "handoffs", "logistic", "load", "stability", "similarity", "size_correlation", "seeds")
    kept = {name: view for name, view in views.VIEWS.items() if name not in ("units", *trends)}
    return {name: export.text(queries.rows(db, v), [c.name for c in v.columns]) for name, v in kept.items()}


def other(toy, tmp_path):
    """A store of its own with the same model."""
    return type(toy)(tmp_path / "other.db")


def test_a_sound_store_has_no_fault(toy):
    """Invariant: whatever the store writes itself passes."""
    assert maintenance.faults(toy.full().db) == []


@pytest.mark.parametrize(
    "damage, says",
    [
        ("DELETE FROM behaviour", "2 results without content or reason"),
        ("DELETE FROM result", "rows of head_score without a result"),
        ("DELETE FROM run", "results of no run"),
        ("DELETE FROM checkpoint", "refers to a checkpoint that is not there"),
        ("UPDATE model SET n_layers = 3", "2 head roles of toy are of another model: toy has 3 layers of 2 heads"),
        ("UPDATE model SET n_heads = 1", "1 circuits of toy are of another model"),
        ("INSERT INTO task SELECT NULL, name, hash || 2, metric, 0 FROM task", "2 different tasks have results under"),
        ("UPDATE result SET fingerprint = 'f11' WHERE analysis = 'circuit'", "toy@10: 2 different weights are"),
        (
            "UPDATE checkpoint SET present = 'f10 and config', fingerprint = 'f' WHERE id = 2",
            "toy@10: 2 different weights",
        ),
        ("UPDATE result SET identity = 'f0 and config'", ": 3 different weights are noted for one source"),
    ],
)
def test_each_damage_is_named(toy, damage, says):
    """Invariant: what lost its other half is found, and said."""
    toy.full().db.execute("PRAGMA foreign_keys=OFF")
    toy.db.execute(damage)
    assert any(says in fault for fault in maintenance.faults(toy.db))


def test_a_source_that_comes_back_has_its_weights(toy):
    """Invariant: what a checkpoint holds now and the weights noted for it belong together, also if they need not be
    read again for it."""
    toy.behaviour(10, 0.5)
    for step, mark in ((10, "f10"), (10, "f11")):
        models.checkpoint_loaded(toy.db, toy.ids[step], "ok", mark)
        models.holds(toy.db, toy.ids[step], f"{mark} and config")
        models.weights_seen(toy.db, toy.ids[step], f"files of {mark}", mark)
    models.holds(toy.db, toy.ids[10], "f10 and config")
    noted = "SELECT present, fingerprint, files FROM checkpoint WHERE step = 10"
    assert tuple(toy.db.execute(noted).fetchone()) == ("f10 and config", "f10", None)
    assert maintenance.faults(toy.db) == []


def test_a_damaged_file_is_named(toy, path):
    """Invariant: pages that were overwritten are found."""
    store.close_writer(toy.full().db)
    with open(path, "r+b") as file:
        file.seek(4096 * 5)
        file.write(b"\xff" * 4096 * 3)
    with closing(sqlite3.connect(path)) as db:
        db.row_factory = sqlite3.Row
        assert maintenance.faults(db)


def test_a_copy_of_a_live_store_is_whole_and_private(toy, tmp_path):
    """Invariant: what is committed is in the copy, one file for the user alone; an open transaction is not."""
    toy.full()
    before = exports(toy.db)
    copy = tmp_path / "copy.db"
    with closing(store.open_to_read(toy.path)) as reader, transaction(toy.db):
        toy.db.execute("DELETE FROM behaviour")
        maintenance.backup(reader, copy)
        toy.db.execute("ROLLBACK")
        toy.db.execute("BEGIN")
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert not list(tmp_path.glob("copy.db-*"))
    with closing(store.open_to_read(copy)) as db:
        assert exports(db) == before and maintenance.faults(db) == []


def test_a_backup_overwrites_nothing(toy, tmp_path):
    """Invariant: a file that exists stays as it is."""
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(StoreUnusable, match="exists"):
        maintenance.backup(toy.db, tmp_path / "mine")
    assert (tmp_path / "mine").read_text() == "mine"


def test_two_halves_become_the_whole(toy, tmp_path):
    """Invariant: a store merged from two halves exports what one that computed all does; again takes over nothing."""
    half = other(toy, tmp_path)
    whole = type(toy)(tmp_path / "whole.db").full()
    toy.behaviour(0, -0.5)
    toy.heads(10, 0.25)
    half.full()
    for db, ids in ((half.db, half.ids), (whole.db, whole.ids)):
        models.checkpoint_loaded(db, ids[0], "ok", "f0")
    store.close_writer(half.db)
    merged = merge(toy.db, half.path)
    assert (merged.models, merged.held) == (0, 2) and merged.results > 3 and merged.names == ["toy"]
    assert exports(toy.db) == exports(whole.db) and maintenance.faults(toy.db) == []
    again = merge(toy.db, half.path)
    assert (again.results, again.held) == (0, merged.results + 2)


def test_a_model_that_is_new_comes_with_its_results(toy, tmp_path, path):
    """Invariant: into an empty store everything comes, with new numbers."""
    toy.full()
    with closing(store.open_to_write(tmp_path / "empty.db")) as db:
        assert merge(db, path).models == 1
        assert exports(db) == exports(toy.db) and maintenance.faults(db) == []


def a_task(toy, name: str, content: str, value: float, bos: str = "") -> None:
    """A file of that content, and what it gave at step 10."""
    label = task_files.add_task_file(toy.db, TaskFile(name, f"hash of {content}", "jsonl", content)) + bos
    task = results.TaskRecord(label, f"hash of {content}{bos}", "logit_diff", bool(bos))
    found = recorded.behaviour(value, 0.1, 0.0, 1.0, 70, 0.5)
    results.write(toy.db, toy.of(10, "behaviour", f"{content}{bos}", task=task), found)


def test_tasks_of_one_name_do_not_mix(toy, tmp_path):
    """Invariant: what a file holds is the task. Another file of a name here is numbered, with a BOS token and without;
    a file that is known here keeps its name here; all are kept, and again takes over nothing."""
    two = other(toy, tmp_path)
    a_task(toy, "pairs", "ours", 1.0)
    a_task(toy, "mine", "shared", 2.0)
    a_task(two, "pairs", "theirs", 3.0)
    a_task(two, "pairs", "theirs", 4.0, "+bos")
    a_task(two, "shared", "shared", 2.0)
    a_task(two, "more", "more", 5.0)
    store.close_writer(two.db)
    renamed = {"pairs": "pairs~2", "pairs+bos": "pairs~2+bos", "shared": "mine"}
    merged = merge(toy.db, two.path)
    assert (merged.results, merged.held, merged.renamed) == (3, 1, renamed)
    values = {row["task"]: row["value"] for row in queries.rows(toy.db, views.VIEWS["behaviour"])}
    assert values == {"pairs": 1.0, "mine": 2.0, "pairs~2": 3.0, "pairs~2+bos": 4.0, "more": 5.0}
    kept = toy.db.execute("SELECT name, content FROM task_file").fetchall()
    assert {tuple(row) for row in kept} == {
        ("pairs", "ours"),
        ("mine", "shared"),
        ("pairs~2", "theirs"),
        ("more", "more"),
    }
    again = merge(toy.db, two.path)
    assert (again.results, again.renamed) == (0, renamed) and maintenance.faults(toy.db) == []


def loaded(toy, folder: str, weights: dict[int, str], n_heads: int = 2, suite: str = "folder") -> None:
    """The model `toy` as it lies in another folder, and the fingerprints of its checkpoints."""
    toy.db.execute("UPDATE model SET source = ?, n_heads = ?, suite = ?", (folder, n_heads, suite))
    for step, fingerprint in weights.items():
        models.checkpoint_loaded(toy.db, toy.ids[step], "ok", fingerprint)


@pytest.mark.parametrize(
    "theirs, called",
    [
        (("models/toy", {20: "b"}), "toy"),
        (("models/toy", {10: "other"}), "toy~2"),
        (("models/toy", {20: "b"}, 3), "toy~2"),
        (("elsewhere/toy", {20: "b"}), "toy~2"),
        (("elsewhere/toy", {10: "a", 20: "b"}), "toy"),
        (("elsewhere/toy", {0: "first", 10: "other"}), "toy~2"),
        (("elsewhere/toy", {20: "b"}, 2, "sample"), "toy~2"),
    ],
)
def test_models_of_one_name_do_not_mix(toy, tmp_path, theirs, called):
    """Invariant: one model has one shape, one folder or weights seen in both, and never two weights at one step;
    another one under the name comes with a number, whole, and again takes over nothing."""
    two = other(toy, tmp_path)
    loaded(toy, "models/toy", {0: "first", 10: "a"})
    loaded(two, *theirs)
    toy.behaviour(10, 1.0, "ours")
    two.behaviour(20, -2.0, "theirs")
    store.close_writer(two.db)
    merged = merge(toy.db, two.path)
    renamed = {"toy": called} if called != "toy" else {}
    assert (merged.names, merged.renamed_models, merged.models) == ([called], renamed, len(renamed))
    shown = {(row["model"], row["step"], row["value"]) for row in queries.rows(toy.db, views.VIEWS["behaviour"])}
    assert shown == {("toy", 10, 1.0), (called, 20, -2.0)} and maintenance.faults(toy.db) == []
    again = merge(toy.db, two.path)
    assert (again.results, again.models, again.renamed_models) == (0, 0, renamed)


def test_a_model_that_was_numbered_does_not_mix_with_a_third(toy, tmp_path):
    """Invariant: names that the other store gave for the same reason stay apart here, too."""
    two = other(toy, tmp_path)
    loaded(toy, "one/toy", {10: "a"})
    loaded(two, "two/toy", {10: "b"})
    two.db.execute("INSERT INTO model (name, suite, source, n_layers, n_heads) VALUES ('toy~2', 'folder', 'x', 2, 2)")
    store.close_writer(two.db)
    merged = merge(toy.db, two.path)
    assert (merged.models, merged.renamed_models) == (2, {"toy": "toy~2", "toy~2": "toy~2~2"})
    assert merge(toy.db, two.path).models == 0


def test_a_suite_is_one_model_wherever_it_is_installed(toy, tmp_path):
    two = other(toy, tmp_path)
    loaded(toy, "here/toy", {10: "a"}, suite="sample")
    loaded(two, "there/toy", {20: "b"}, suite="sample")
    store.close_writer(two.db)
    assert merge(toy.db, two.path).renamed_models == {}


def test_what_cannot_be_merged_is_refused(toy, tmp_path):
    """Invariant: the store itself, and one of a later version, are refused; nothing changes."""
    before = exports(toy.db)
    with pytest.raises(StoreUnusable, match="the store itself"):
        merge(toy.db, toy.path)
    later = other(toy, tmp_path)
    later.db.execute(f"PRAGMA user_version={store.VERSION + 1}")
    later.db.close()
    with pytest.raises(StoreTooNew):
        merge(toy.db, later.path)
    assert exports(toy.db) == before
