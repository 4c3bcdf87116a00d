"""Which of several results is shown: one configuration for each role, task and model; what was asked for last."""

import json

import pytest
import recorded

from circuit_store import addresses, export, models, queries, results
from circuit_store.errors import UnknownName
from circuit_store.merge import merge
from circuit_store.queue import requests
from circuit_store.views import VIEWS
from circuit_store.views.view import OF_MODEL

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
    assert set(toy.in_circuits()) == {10}


def test_another_model_and_another_role_keep_their_answers(mixed):
    """Invariant: parameters are chosen for each model and role by itself."""
    mixed.score(0, 0.3, DEFAULT, "previous_token")
    other = models.Model("other", "folder", "models/other", 1, 2, 2, 8, True)
    mixed.ids |= {99: models.add_model(mixed.db, other, [models.CheckpointRecord(99, None, "step99")])[99]}
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
    text = export.document(mixed.db, VIEWS["heads"], {"role": "induction"}, {"preset": "default"})
    told = json.loads("".join(text))
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


CIRCUITS = ("circuits", "circuit", "faithfulness", "composition", "nodes")


@pytest.mark.parametrize("name", CIRCUITS)
def test_circuits_over_training_are_of_one_set(toy, name):
    """Invariant: a circuit with other parameters hides those of the set before at every checkpoint, in every view of
    circuits and in the explorer's; a choice brings them back, and so does asking again."""
    for step in (0, 10):
        toy.circuit(step, [(0, 2, 0.5)])
    toy.circuit(10, [(0, 1, 0.25)], method="eap")
    steps = lambda **choices: {row["step"] for row in queries.rows(toy.db, VIEWS[name], None, choices)}  # noqa: E731
    assert steps() == steps(method="eap") == {10} and steps(method="eap-ig") == {0, 10}
    shown = lambda step: queries.circuit(toy.db, "toy", step, "ioi")  # noqa: E731
    at_10 = shown(10)
    assert shown(0) is None and at_10 is not None and at_10.header["method"] == "eap"
    keys = [row["key"] for row in toy.db.execute("SELECT key FROM result ORDER BY id LIMIT 2")]
    assert results.ask_again(toy.db, "toy", keys) and steps() == {0, 10}


def test_circuits_of_files_are_one_set(toy):
    """Invariant: two files for two checkpoints stand in one curve; circuits that were computed are not hidden by it."""
    steps = lambda **choices: {row["step"] for row in queries.rows(toy.db, VIEWS["circuits"], None, choices)}  # noqa: E731
    for step in (0, 10):
        toy.circuit(step, [(0, 1, 0.25)], method="imported", file=f"{step}.json")
    assert steps() == {0, 10}
    toy.circuit(20, [(0, 2, 0.5)])
    toy.circuit(10, [(0, 1, 0.25)], method="imported", file="again.json")
    assert steps() == {20} and steps(method="imported") == {0, 10}


def undefined(toy, step: int, params: dict, role="induction", task=None) -> str:
    """Write a role that is undefined at a checkpoint; returns the result's key."""
    key = f"undefined {step} {role} {params} {task}"
    of = toy.of(step, "heads", key, params=params, role=role, task=task)
    results.write(toy.db, of, results.Undefined("needs 200 tokens"))
    return key


def test_a_set_without_a_value_hides_none_that_has_some(toy):
    """Invariant: it answers if it is chosen; the set with values answers in its place, in the explorer as well."""
    for step in (0, 10, 20):
        toy.score(step, 0.1, DEFAULT)
    keys = [undefined(toy, step, PAPER) for step in (0, 10, 20)]
    assert toy.shown() == {0: 0.1, 10: 0.1, 20: 0.1}
    of = queries.role_set(toy.db, "toy", "induction")
    assert of and of.preset == "default"
    assert queries.head_grid(toy.db, "toy", 10, "induction").values[0][0] == 0.1
    chosen = queries.rows(toy.db, VIEWS["heads"], {"step": 10}, PAPER)
    assert [row["reason"] for row in chosen] == ["needs 200 tokens"]
    before = toy.db.total_changes
    assert not results.ask_again(toy.db, "toy", keys) and toy.db.total_changes == before
    toy.score(20, 0.9, PAPER)
    assert toy.shown() == {20: 0.9}


def test_where_no_set_has_a_value_the_newest_says_why(toy):
    undefined(toy, 0, DEFAULT)
    undefined(toy, 0, PAPER)
    (row,) = queries.rows(toy.db, VIEWS["heads"])
    assert (row["preset"], row["reason"]) == ("paper-code", "needs 200 tokens")


def test_a_task_on_which_a_role_is_undefined_does_not_stand_for_it(toy):
    """Invariant: beside a third task the explorer shows the scores that there are."""
    toy.score(10, 0.6, DEFAULT, "name_mover", IOI)
    undefined(toy, 10, DEFAULT, "name_mover", PAIRS)
    assert queries.role_tasks(toy.db, "toy").beside("greater_than") == {"name_mover": "ioi"}
    for looked_at, task in (("greater_than", "ioi"), ("pairs", "pairs")):
        of = queries.role_set(toy.db, "toy", "name_mover", looked_at)
        assert of and of.task == task


@pytest.mark.parametrize("analysis", ["behaviour", "algorithm", "greater_than", "circuit"])
def test_every_analysis_answers_with_values_where_there_are_some(toy, analysis):
    stage = recorded.stage("s_inhibition", 80.0, 70.0, 90.0, {}, "all", False, None)
    found = {
        "behaviour": recorded.behaviour(1.0, 0.1, 0.8, 1.2, 70, 1.0),
        "algorithm": recorded.algorithm([stage]),
        "greater_than": recorded.years([(2, 0.75, 0.5, None)]),
    }
    if analysis == "circuit":
        toy.circuit(0, [(0, 2, 0.5)])
    else:
        results.write(toy.db, toy.of(0, analysis, task=IOI), found[analysis])
    for step in (0, 10, 20):
        of = toy.of(step, analysis, f"newer {step}", task=IOI, version="9")
        results.write(toy.db, of, results.Undefined("no names"))
    view = "circuits" if analysis == "circuit" else analysis
    assert [(row["step"], row["reason"]) for row in queries.rows(toy.db, VIEWS[view])] == [(0, None)]


def test_the_device_is_a_column_of_every_curve(toy):
    """Two devices may stand in one curve: each row says where it was computed."""
    for step, device in ((0, "cpu"), (10, "cuda:0")):
        toy.score(step, 0.5, DEFAULT, device=device)
        toy.behaviour(step, 1.0, device=device)
    for view in ("history", "behaviour"):
        rows = queries.rows(toy.db, VIEWS[view])
        assert {(row["step"], row["device"]) for row in rows} == {(0, "cpu"), (10, "cuda:0")}


def test_a_source_that_was_changed_and_changed_back_is_shown_again(toy):
    """Invariant: of one set two results of a checkpoint differ by what lay there; the one asked for last answers."""
    old = toy.score(10, 0.1, DEFAULT, key="old weights")
    toy.score(10, 0.9, DEFAULT, key="new weights")
    assert toy.shown() == {10: 0.9}
    assert results.ask_again(toy.db, "toy", [old]) and toy.shown() == {10: 0.1}


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
        tasks = queries.role_tasks(toy.db, "toy")
        assert queries.curve(toy.db, tasks.of("name_mover", looked_at), 0, 0) == {10: value}
        assert tasks.beside(looked_at) == {"name_mover": task, "induction": None}
        assert queries.strong_in(toy.db, tasks.at(10, looked_at))[0, 0] == ("induction", "name_mover")
        assert ((0, 0) in queries.strong_in(toy.db, tasks.at(10, looked_at), 0.8)) == (task == "pairs")
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
    merge(mine.db, mixed.path)
    assert mine.shown() == {0: 0.1, 10: 0.1, 20: 0.1}
    mine.db.close()


def test_a_role_is_found_by_an_index(mixed):
    """Invariant: of the results of a model, those of one role are sought, not all looked through."""
    statement = VIEWS["history"].statement(OF_MODEL, "model = ? AND role = ? AND layer = ? AND head = ?")
    plan = mixed.db.execute(f"EXPLAIN QUERY PLAN {statement}", ("toy", "toy", "induction", 0, 0))
    steps = [row["detail"] for row in plan]
    assert any("INDEX result_checkpoint (checkpoint_id=? AND analysis=? AND role=?)" in step for step in steps)
    assert not [step for step in steps if step.startswith("SCAN result")]
