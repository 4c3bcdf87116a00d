"""Which of several results answers: one set of parameters for each role, task and model; what was asked for last."""

import sqlite3
from contextlib import closing
from typing import Any

import pytest
from sqlite_utils import Database

from circuit_store import addresses, export, models, queries, requests, results, schema, store, trends, upkeep
from circuit_store.errors import UnknownName
from circuit_store.queries.views import OF_MODEL
from circuit_store.views import VIEWS

IOI = results.TaskRecord("ioi", "hash", "logit_diff", False)
PAIRS = results.TaskRecord("pairs", "hash of pairs", "logit_diff", False)
DEFAULT, PAPER = {"preset": "default"}, {"preset": "paper-code"}


def score(
    toy, step: int, value: float, params: dict[str, Any], role="induction", task=None, dtype="float32", **more
) -> str:
    """Write a role's scores, the same for every head; returns their key."""
    rows: list[Any] = [(layer, head, value, value, 0.0) for layer in range(2) for head in range(2)]
    key = more.pop("key", f"{step} {role} {params} {task} {dtype} {more}")
    at = toy.run, toy.ids[step], "heads", params, "size", f"f{step}", dtype, 0.5, role, task
    results.write(toy.db, results.Provenance(key, *at, **more), results.HeadScores(rows))
    return key


def shown(toy, choices: dict[str, Any] | None = None, **filters) -> dict[int, float]:
    """Step -> the score that answers, of the first head."""
    found = queries.rows(toy.db, VIEWS["history"], {"layer": 0, "head": 0, **filters}, choices)
    assert len({row["step"] for row in found}) == len(found)
    return {row["step"]: row["value"] for row in found}


@pytest.fixture
def mixed(toy):
    """A whole sweep with the default parameters, then one checkpoint with other ones; returns the keys of the first."""
    toy.keys = [score(toy, step, 0.1, DEFAULT) for step in (0, 10, 20)]
    score(toy, 10, 0.9, PAPER)
    return toy


def test_a_history_never_mixes_parameters(mixed):
    """Invariant: all rows of a role are of the newest result's parameters; steps that lack these have no rows."""
    assert shown(mixed, role="induction") == shown(mixed) == {10: 0.9}
    assert {row["preset"] for row in queries.rows(mixed.db, VIEWS["heads"])} == {"paper-code"}


@pytest.mark.parametrize("other", [{"dtype": "float64"}, {"params": {"preset": "default", "text": "abc"}}])
def test_text_and_precision_are_parameters_as_well(toy, other):
    score(toy, 0, 0.1, DEFAULT, "copy_suppression")
    score(toy, 10, 0.9, **{"params": DEFAULT, "role": "copy_suppression"} | other)
    assert shown(toy) == {10: 0.9}


def test_a_history_never_mixes_versions_of_an_analysis(toy):
    """Invariant: what an earlier version computed is no part of a series that a later one began; asked for, it is."""
    keys = [score(toy, step, 0.1, DEFAULT, version="2") for step in (0, 10, 20)]
    score(toy, 10, 0.9, DEFAULT, version="3")
    assert shown(toy) == {10: 0.9}
    assert results.ask_again(toy.db, "toy", keys) and shown(toy) == {0: 0.1, 10: 0.1, 20: 0.1}
    for step, version in ((0, "2"), (10, "3")):
        edges = [(step and 1, 14, 0.5)]
        toy.circuit(step, edges, version=version)
    assert set(trends.circuit_heads(toy.db, "toy", "ioi")) == {10}


def test_another_model_and_another_role_keep_their_answers(mixed):
    """Invariant: parameters are chosen for each model and role by itself."""
    score(mixed, 0, 0.3, DEFAULT, "previous_token")
    other = models.Model("other", "folder", "models/other", None, None, 1, 2, 2, 8, True)
    mixed.ids |= {99: models.add_model(mixed.db, other, [models.Checkpoint(99, None, "step99")])[99]}
    score(mixed, 99, 0.4, DEFAULT)
    assert shown(mixed, model="toy", role="previous_token") == {0: 0.3}
    assert shown(mixed, model="toy", role="induction") == {10: 0.9} and shown(mixed, model="other") == {99: 0.4}


def test_a_preset_may_be_chosen(mixed):
    """Invariant: with a choice its results alone answer; what has no such parameter stays."""
    score(mixed, 10, 0.2, {"preset": "default", "text": "abc"}, "copy_suppression")
    assert shown(mixed, {"preset": "default"}, role="induction") == {0: 0.1, 10: 0.1, 20: 0.1}
    assert shown(mixed, {"text": "abc"}, role="copy_suppression") == {10: 0.2}
    assert shown(mixed, {"text": "abc"}, role="induction") == {10: 0.9}
    assert shown(mixed, {"text": "abd"}, role="copy_suppression") == {}
    told = export.document(mixed.db, VIEWS["heads"], {"role": "induction"}, {"preset": "default"})
    assert told["filters"] == {"role": "induction", "preset": "default"}
    assert {(row["preset"], row["dtype"]) for row in told["rows"]} == {("default", "float32")}


def test_a_text_is_named_by_how_its_hash_begins(toy):
    """Invariant: one text is found, none or several are refused with those that there are."""
    for digest in ("abc1", "abd2"):
        score(toy, 10, 0.2, {"preset": "default", "text": digest}, "copy_suppression")
    assert addresses.text_named(toy.db, "abd") == "abd2"
    for given in ("ab", "x"):
        with pytest.raises(UnknownName, match=f"{given} names.*abc1, abd2"):
            addresses.text_named(toy.db, given)


def test_what_was_asked_for_last_answers(mixed):
    """Invariant: asking again for what is there lets it answer, though nothing is computed; once is enough."""
    assert results.ask_again(mixed.db, "toy", mixed.keys)
    assert shown(mixed) == {0: 0.1, 10: 0.1, 20: 0.1}
    before = mixed.db.total_changes
    assert not results.ask_again(mixed.db, "toy", mixed.keys) and mixed.db.total_changes == before
    score(mixed, 20, 0.8, PAPER)
    assert shown(mixed) == {10: 0.9, 20: 0.8}


def test_a_circuit_is_chosen_for_each_checkpoint(toy):
    """Invariant: circuits with other parameters elsewhere do not hide a checkpoint's; asking again chooses there."""
    for step in (0, 10):
        toy.circuit(step, [(0, 2, 0.5)])
    toy.circuit(10, [(0, 1, 0.25)], method="eap")
    methods = lambda: [row["method"] for row in queries.rows(toy.db, VIEWS["circuits"])]  # noqa: E731
    assert methods() == ["eap-ig", "eap"]
    keys = [row["key"] for row in toy.db.execute("SELECT key FROM result ORDER BY id LIMIT 2")]
    assert results.ask_again(toy.db, "toy", keys) and methods() == ["eap-ig", "eap-ig"]


def test_the_circuits_of_trends_are_of_one_kind(toy):
    """Invariant: heads in circuits are counted over one set of parameters; a file's circuit does not displace it."""
    for step in (0, 10, 20):
        toy.circuit(step, [(0, 2, 0.5), (1, 14, 1.0)])
    toy.circuit(10, [(2, 14, 0.25)], method="imported", file="x")
    assert set(trends.circuit_heads(toy.db, "toy", "ioi")) == {0, 10, 20}
    toy.circuit(10, [(2, 14, 0.25)], method="eap")
    assert trends.circuit_heads(toy.db, "toy", "ioi") == {10: ({(0, 1)}, set())}
    assert trends.circuit_heads(toy.db, "toy", "chess") == {}


def test_trends_are_stale_when_others_were_asked_for(mixed):
    """Invariant: trends of what answered before are stale at once."""
    came = trends.Emergence("role", "induction", 1, 0, 10, preset="paper-code", dtype="float32")
    trends.replace(mixed.db, "toy", [came], [], trends.last_result(mixed.db, "toy"))
    (row,) = queries.rows(mixed.db, VIEWS["emergence"])
    assert (row["stale"], row["preset"], row["dtype"], row["task"]) == (0, "paper-code", "float32", None)
    results.ask_again(mixed.db, "toy", mixed.keys)
    assert [row["stale"] for row in queries.rows(mixed.db, VIEWS["emergence"])] == [1]


def emerged(toy) -> list[tuple[int | None, int]]:
    """Step and whether stale, of each row of the trends."""
    return [(row["step"], row["stale"]) for row in queries.rows(toy.db, VIEWS["emergence"])]


def test_older_trends_do_not_replace_later_ones(mixed):
    """Invariant: trends that were begun earlier and end later are dropped; those on as much or more are taken."""
    at = lambda step: [trends.Emergence("role", "induction", 1, 0, step)]  # noqa: E731
    begun = trends.last_result(mixed.db, "toy")
    score(mixed, 20, 0.8, PAPER)
    trends.replace(mixed.db, "toy", at(20), [], trends.last_result(mixed.db, "toy"))
    trends.replace(mixed.db, "toy", at(10), [], begun)
    assert emerged(mixed) == [(20, 0)]
    trends.replace(mixed.db, "toy", at(0), [], trends.last_result(mixed.db, "toy"))
    assert emerged(mixed) == [(0, 0)]
    results.ask_again(mixed.db, "toy", mixed.keys)
    assert emerged(mixed) == [(0, 1)]
    trends.replace(mixed.db, "toy", at(10), [], trends.last_result(mixed.db, "toy"))
    assert emerged(mixed) == [(10, 0)]


def test_trends_on_what_is_gone_are_replaced(mixed):
    """Invariant: trends that name a later number than the store holds, as an earlier version's do, keep nothing out."""
    for number, step in ((99, 10), (trends.last_result(mixed.db, "toy"), 20)):
        trends.replace(mixed.db, "toy", [trends.Emergence("role", "induction", 1, 0, step)], [], number)
    assert emerged(mixed) == [(20, 0)]


def patched(toy, to: str, dtype: str = "float32") -> str:
    """Write path patching into receivers; returns the result's key."""
    key, params = f"10 {to} {dtype}", {"to": to, "senders": "all", "freeze_mlps": False}
    of = results.Provenance(key, toy.run, toy.ids[10], "patch", params, "size", "f10", dtype, 0.5, task=IOI)
    results.write(toy.db, of, results.PatchEffects([(0, 1, 1.5, -0.5)], 2.0, -1.0))
    return key


def test_path_patching_into_other_receivers_is_no_rival(mixed):
    """Invariant: asking again for receivers changes nothing where others have come; other precisions are rivals.

    Trends do not rest on path patching: they are neither stale after it nor due when it is asked for again.
    """
    trends.replace(mixed.db, "toy", [trends.Emergence("role", "x")], [], trends.last_result(mixed.db, "toy"))
    key, _ = patched(mixed, "logits"), patched(mixed, "a1.h0<q>")
    before = mixed.db.total_changes
    assert not results.ask_again(mixed.db, "toy", [key]) and mixed.db.total_changes == before
    patched(mixed, "logits", "float64")
    answers = lambda: {(r["receivers"], r["dtype"]) for r in queries.rows(mixed.db, VIEWS["patches"])}  # noqa: E731
    assert answers() == {("logits", "float64"), ("a1.h0<q>", "float32")}
    assert not results.ask_again(mixed.db, "toy", [key])
    assert answers() == {("logits", "float32"), ("a1.h0<q>", "float32")} and emerged(mixed) == [(None, 0)]


def test_scores_on_two_tasks_are_two_answers(toy):
    """Invariant: a role on one task hides it on none; each is found by its task."""
    score(toy, 10, 0.1, DEFAULT, "name_mover", IOI)
    score(toy, 10, 0.9, DEFAULT, "name_mover", PAIRS)
    assert [shown(toy, role="name_mover", task=task) for task in ("ioi", "pairs")] == [{10: 0.1}, {10: 0.9}]
    assert len(queries.rows(toy.db, VIEWS["heads"])) == 8
    assert queries.scored(toy.db, "toy") == [("name_mover", "ioi"), ("name_mover", "pairs")]


def test_a_task_that_has_changed_is_not_mixed_in(toy):
    """Invariant: two texts under one task's name are two sets."""
    score(toy, 0, 0.1, DEFAULT, "name_mover", IOI)
    later = results.TaskRecord("ioi", "later hash", "logit_diff", False)
    score(toy, 10, 0.9, {**DEFAULT}, "name_mover", later)
    assert shown(toy) == {10: 0.9}


def test_the_explorer_shows_a_role_on_the_task_that_is_looked_at(toy):
    """Invariant: grid, history, badges and provenance agree on the task, else on the one asked for last."""
    score(toy, 10, 0.6, DEFAULT, "name_mover", IOI)
    score(toy, 10, 0.9, DEFAULT, "name_mover", PAIRS)
    score(toy, 10, 0.7, DEFAULT, "induction")
    for looked_at, task, value in (("ioi", "ioi", 0.6), ("pairs", "pairs", 0.9), ("greater_than", "pairs", 0.9)):
        grid = queries.head_grid(toy.db, "toy", 10, "name_mover", looked_at)
        assert grid.of and (grid.of.task, grid.values[0][0]) == (task, value)
        points = queries.head_history(toy.db, "toy", "name_mover", 0, 0, looked_at)
        assert [point.value for point in points] == [value]
        assert queries.shown_tasks(toy.db, "toy", looked_at) == {"name_mover": task, "induction": None}
        assert queries.strong_roles(toy.db, "toy", 10, looked_at)[0, 0] == ("induction", "name_mover")
        assert ((0, 0) in queries.strong_roles(toy.db, "toy", 10, looked_at, 0.8)) == (task == "pairs")
        found = queries.provenance(toy.db, "toy", 10, "heads", "name_mover", looked_at)
        assert found and found.facts["task"] == task
    induction = queries.provenance(toy.db, "toy", 10, "heads", "induction", "ioi")
    assert induction and "task" not in induction.facts


def test_provenance_is_of_what_is_shown(mixed):
    """Invariant: the parameters shown are those of the answer; where nothing answers there are none."""
    found = queries.provenance(mixed.db, "toy", 10, "heads", "induction")
    assert found and found.params == PAPER
    assert queries.provenance(mixed.db, "toy", 0, "heads", "induction") is None
    grid = queries.head_grid(mixed.db, "toy", 0, "induction")
    assert not grid.computed and grid.of and grid.of.preset == "paper-code"
    results.ask_again(mixed.db, "toy", mixed.keys)
    found = queries.provenance(mixed.db, "toy", 10, "heads", "induction")
    assert found and found.params == DEFAULT


def test_what_is_merged_keeps_its_order(mixed, tmp_path):
    """Invariant: what another store's user asked for last answers there and here."""
    results.ask_again(mixed.db, "toy", mixed.keys)
    mine = type(mixed)(tmp_path / "mine.db")
    score(mine, 20, 0.5, {"preset": "of my own"})
    requests.close_runs(mixed.db)
    upkeep.merge(mine.db, mixed.path)
    assert shown(mine) == {0: 0.1, 10: 0.1, 20: 0.1}
    mine.db.close()


def older(toy, path) -> Any:
    """A store of before with the results of this one, opened to write."""
    old = Database(path)
    schema.migrations.apply(old, stop_before="results_asked_for")
    assert isinstance(old.conn, sqlite3.Connection)
    for table in ("model", "checkpoint", "run", "task", "result", "head_score", "emergence", "handoff"):
        names = ", ".join(column.name for column in old[table].columns)
        marks = ", ".join("?" * len(old[table].columns))
        rows = toy.db.execute(f"SELECT {names} FROM {table}").fetchall()
        old.conn.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(map(tuple, rows)))
    old.conn.execute(f"PRAGMA application_id={store.APPLICATION_ID}")
    old.conn.execute("PRAGMA user_version=8")
    old.conn.commit()
    old.close()
    return closing(store.open_to_write(path))


def test_an_older_store_keeps_its_order(mixed, tmp_path):
    """Invariant: in a store of before, the newest result counts as asked for last, and is followed by what comes."""
    with older(mixed, tmp_path / "old.db") as db:
        found = queries.rows(db, VIEWS["history"], {"layer": 0, "head": 0})
        assert [(row["step"], row["value"]) for row in found] == [(10, 0.9)] and results.next_asked(db) == 5


def test_trends_of_an_older_store_are_stale(mixed, tmp_path):
    """Invariant: which set they rest on is not known, and their empty fields do not say that there was none."""
    came, passed = (
        trends.Emergence("role", "induction", 1, 0, 10),
        trends.Handoff("induction", None, 1, 0, 20, 1, 1, 20, 2),
    )
    trends.replace(mixed.db, "toy", [came], [passed], trends.last_result(mixed.db, "toy"))
    with older(mixed, tmp_path / "old.db") as db:
        assert [row["stale"] for view in ("emergence", "handoffs") for row in queries.rows(db, VIEWS[view])] == [1, 1]
        trends.replace(db, "toy", [came], [passed], trends.last_result(db, "toy"))
        assert [row["stale"] for view in ("emergence", "handoffs") for row in queries.rows(db, VIEWS[view])] == [0, 0]


KEYS = {
    "induction": "b4e5aa332ee0f87fc0f11de6bbf9a44f3fa352b1499e95f348761728ca97232a",
    "name_mover": "efab95afa618eb5d477a539c7396dae78fe1b650908b5fbaa8cf042935f6c6b1",
}
"""What the program of that time made of toy@0, source `size` and version 2; of no task, and of IOI."""


def test_results_of_an_older_store_keep_their_version(toy, tmp_path):
    """Invariant: a step that is computed now joins the series of before where the analysis is of the same version."""
    for role, task in (("induction", None), ("name_mover", IOI)):
        score(toy, 0, 0.1, DEFAULT, role, task, key=KEYS[role])
    score(toy, 0, 0.1, DEFAULT, "successor")
    with older(toy, tmp_path / "old.db") as db:
        found = db.execute("SELECT role, version FROM result ORDER BY id")
        assert list(map(tuple, found)) == [("induction", "2"), ("name_mover", "2"), ("successor", "0")]


def test_a_role_is_found_by_an_index(mixed):
    """Invariant: of the results of a model, those of one role are sought, not all looked through."""
    statement = VIEWS["history"].statement(OF_MODEL, "model = ? AND role = ? AND layer = ? AND head = ?")
    plan = mixed.db.execute(f"EXPLAIN QUERY PLAN {statement}", ("toy", "toy", "induction", 0, 0))
    steps = [row["detail"] for row in plan]
    assert any("INDEX result_checkpoint (checkpoint_id=? AND analysis=? AND role=?)" in step for step in steps)
    assert not [step for step in steps if step.startswith("SCAN result")]
