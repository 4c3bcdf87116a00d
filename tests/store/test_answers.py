"""Which of several results answers: one set of parameters for each role, task and model; what was asked for last."""

import pytest

from circuit_store import addresses, export, models, queries, requests, results, trends, upkeep
from circuit_store.errors import UnknownName
from circuit_store.queries.views import OF_MODEL
from circuit_store.views import VIEWS

IOI = results.TaskRecord("ioi", "hash", "logit_diff", False)
PAIRS = results.TaskRecord("pairs", "hash of pairs", "logit_diff", False)
DEFAULT, PAPER = {"preset": "default"}, {"preset": "paper-code"}


def test_a_history_never_mixes_parameters(mixed):
    """Invariant: all rows of a role are of the newest result's parameters; steps that lack these have no rows."""
    assert mixed.shown(role="induction") == mixed.shown() == {10: 0.9}
    assert {row["preset"] for row in queries.rows(mixed.db, VIEWS["heads"])} == {"paper-code"}


@pytest.mark.parametrize("other", [{"dtype": "float64"}, {"params": {"preset": "default", "text": "abc"}}])
def test_text_and_precision_are_parameters_as_well(toy, other):
    toy.score(0, 0.1, DEFAULT, "copy_suppression")
    toy.score(10, 0.9, **{"params": DEFAULT, "role": "copy_suppression"} | other)
    assert toy.shown() == {10: 0.9}


def test_a_history_never_mixes_versions_of_an_analysis(toy):
    """Invariant: what an earlier version computed is no part of a series that a later one began; asked for, it is."""
    keys = [toy.score(step, 0.1, DEFAULT, version="2") for step in (0, 10, 20)]
    toy.score(10, 0.9, DEFAULT, version="3")
    assert toy.shown() == {10: 0.9}
    assert results.ask_again(toy.db, "toy", keys) and toy.shown() == {0: 0.1, 10: 0.1, 20: 0.1}
    for step, version in ((0, "2"), (10, "3")):
        edges = [(step and 1, 14, 0.5)]
        toy.circuit(step, edges, version=version)
    assert set(trends.circuit_heads(toy.db, "toy", "ioi")) == {10}


def test_another_model_and_another_role_keep_their_answers(mixed):
    """Invariant: parameters are chosen for each model and role by itself."""
    mixed.score(0, 0.3, DEFAULT, "previous_token")
    other = models.Model("other", "folder", "models/other", None, None, 1, 2, 2, 8, True)
    mixed.ids |= {99: models.add_model(mixed.db, other, [models.Checkpoint(99, None, "step99")])[99]}
    mixed.score(99, 0.4, DEFAULT)
    assert mixed.shown(model="toy", role="previous_token") == {0: 0.3}
    assert mixed.shown(model="toy", role="induction") == {10: 0.9} and mixed.shown(model="other") == {99: 0.4}


def test_a_preset_may_be_chosen(mixed):
    """Invariant: with a choice its results alone answer; what has no such parameter stays."""
    mixed.score(10, 0.2, {"preset": "default", "text": "abc"}, "copy_suppression")
    assert mixed.shown({"preset": "default"}, role="induction") == {0: 0.1, 10: 0.1, 20: 0.1}
    assert mixed.shown({"text": "abc"}, role="copy_suppression") == {10: 0.2}
    assert mixed.shown({"text": "abc"}, role="induction") == {10: 0.9}
    assert mixed.shown({"text": "abd"}, role="copy_suppression") == {}
    told = export.document(mixed.db, VIEWS["heads"], {"role": "induction"}, {"preset": "default"})
    assert told["filters"] == {"role": "induction", "preset": "default"}
    assert {(row["preset"], row["dtype"]) for row in told["rows"]} == {("default", "float32")}


def test_a_text_is_named_by_how_its_hash_begins(toy):
    """Invariant: one text is found, none or several are refused with those that there are."""
    for digest in ("abc1", "abd2"):
        toy.score(10, 0.2, {"preset": "default", "text": digest}, "copy_suppression")
    assert addresses.text_named(toy.db, "abd") == "abd2"
    for given in ("ab", "x"):
        with pytest.raises(UnknownName, match=f"{given} names.*abc1, abd2"):
            addresses.text_named(toy.db, given)


def test_what_was_asked_for_last_answers(mixed):
    """Invariant: asking again for what is there lets it answer, though nothing is computed; once is enough."""
    assert results.ask_again(mixed.db, "toy", mixed.keys)
    assert mixed.shown() == {0: 0.1, 10: 0.1, 20: 0.1}
    before = mixed.db.total_changes
    assert not results.ask_again(mixed.db, "toy", mixed.keys) and mixed.db.total_changes == before
    mixed.score(20, 0.8, PAPER)
    assert mixed.shown() == {10: 0.9, 20: 0.8}


def test_a_circuit_is_chosen_for_each_checkpoint(toy):
    """Invariant: circuits with other parameters elsewhere do not hide a checkpoint's; asking again chooses there."""
    for step in (0, 10):
        toy.circuit(step, [(0, 2, 0.5)])
    toy.circuit(10, [(0, 1, 0.25)], method="eap")
    methods = lambda: [row["method"] for row in queries.rows(toy.db, VIEWS["circuits"])]  # noqa: E731
    assert methods() == ["eap-ig", "eap"]
    keys = [row["key"] for row in toy.db.execute("SELECT key FROM result ORDER BY id LIMIT 2")]
    assert results.ask_again(toy.db, "toy", keys) and methods() == ["eap-ig", "eap-ig"]


def test_scores_on_two_tasks_are_two_answers(toy):
    """Invariant: a role on one task hides it on none; each is found by its task."""
    toy.score(10, 0.1, DEFAULT, "name_mover", IOI)
    toy.score(10, 0.9, DEFAULT, "name_mover", PAIRS)
    assert [toy.shown(role="name_mover", task=task) for task in ("ioi", "pairs")] == [{10: 0.1}, {10: 0.9}]
    assert len(queries.rows(toy.db, VIEWS["heads"])) == 8
    assert queries.scored(toy.db, "toy") == [("name_mover", "ioi"), ("name_mover", "pairs")]


def test_a_task_that_has_changed_is_not_mixed_in(toy):
    """Invariant: two texts under one task's name are two sets."""
    toy.score(0, 0.1, DEFAULT, "name_mover", IOI)
    later = results.TaskRecord("ioi", "later hash", "logit_diff", False)
    toy.score(10, 0.9, {**DEFAULT}, "name_mover", later)
    assert toy.shown() == {10: 0.9}


def test_the_explorer_shows_a_role_on_the_task_that_is_looked_at(toy):
    """Invariant: grid, history, badges and provenance agree on the task, else on the one asked for last."""
    toy.score(10, 0.6, DEFAULT, "name_mover", IOI)
    toy.score(10, 0.9, DEFAULT, "name_mover", PAIRS)
    toy.score(10, 0.7, DEFAULT, "induction")
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
    mine.score(20, 0.5, {"preset": "of my own"})
    requests.close_runs(mixed.db)
    upkeep.merge(mine.db, mixed.path)
    assert mine.shown() == {0: 0.1, 10: 0.1, 20: 0.1}
    mine.db.close()


def test_a_role_is_found_by_an_index(mixed):
    """Invariant: of the results of a model, those of one role are sought, not all looked through."""
    statement = VIEWS["history"].statement(OF_MODEL, "model = ? AND role = ? AND layer = ? AND head = ?")
    plan = mixed.db.execute(f"EXPLAIN QUERY PLAN {statement}", ("toy", "toy", "induction", 0, 0))
    steps = [row["detail"] for row in plan]
    assert any("INDEX result_checkpoint (checkpoint_id=? AND analysis=? AND role=?)" in step for step in steps)
    assert not [step for step in steps if step.startswith("SCAN result")]
