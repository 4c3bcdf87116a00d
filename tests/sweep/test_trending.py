"""Trends of results that have a value and no error, and of a run that ends while others do something else."""

import numpy as np
import pytest
import recorded

from circuit_core.circuits import selection
from circuit_core.formats import eap_ig
from circuit_core.formats.circuit_file import CircuitFile
from circuit_core.graph import Graph
from circuit_store import models, queries, results, store
from circuit_store.queue import requests, runs, units
from circuit_store.views import VIEWS
from circuit_sweep import circuit_files
from circuit_sweep.runner import update_trends
from circuit_sweep.runner.settling import Settling
from circuit_tui.runs import jobs

IOI = results.TaskRecord("ioi", "hash", "logit_diff", False)


def test_one_prompt_acquires_no_task(tmp_path):
    """Without a standard error the final metric cannot be told from chance, and the reason is the result's."""
    db = store.open_to_write(tmp_path / "store.db")
    model = models.Model("toy", "folder", "models/toy", 1000, 2, 2, 8, True, tokens_per_step=100)
    ids = models.add_model(db, model, [models.CheckpointRecord(s, s, f"step{s}") for s in (0, 10)])
    run = requests.add_run(db, {"models": ["toy"]}, list(ids.values()))
    task = results.TaskRecord("pair", "hash", "logit_diff", False)
    for step, value in ((0, 0.1), (10, 2.0)):
        models.checkpoint_loaded(db, ids[step], "ok", f"f{step}")
        of = results.Provenance(f"{step}", run, ids[step], "behaviour", {}, "", None, "float32", 0.1, task=task)
        results.write(db, of, recorded.behaviour(value, None, None, None, 1, 1.0, "one prompt"))
    update_trends.refresh(db, "toy")
    (row,) = queries.rows(db, VIEWS["emergence"], {"model": "toy"})
    assert (row["name"], row["step"], row["reason"]) == ("pair", None, "one prompt")
    store.close_writer(db)


def test_a_checkpoint_that_is_known_to_be_bad_or_left_out_is_no_part_of_trends(tmp_path):
    """Invariant: a task is acquired where it would be without them, also where the bad one was computed."""
    rows = {}
    for name, others in (("all", {}), ("good", {10: "known_bad", 20: "duplicate_of"})):
        db = store.open_to_write(tmp_path / f"{name}.db")
        model = models.Model("toy", "hub", "hf://me/toy", 1000, 2, 2, 8, True, tokens_per_step=100)
        ids = models.add_model(db, model, [models.CheckpointRecord(s, s, f"step{s}") for s in (0, 10, 20, 30)])
        run = requests.add_run(db, {"models": ["toy"]}, list(ids.values()))
        for step, status in others.items():
            models.set_aside(db, ids[step], status, "why")
        for step, value in ((0, 0.1), (10, 2.0), (30, 2.0)):
            models.checkpoint_loaded(db, ids[step], "ok", f"f{step}")
            of = results.Provenance(f"{step}", run, ids[step], "behaviour", {}, "", None, "float32", 0.1, task=IOI)
            results.write(db, of, recorded.behaviour(value, 0.01, value, value, 64, 1.0))
        db.execute("UPDATE behaviour SET stderr_plain = stderr")
        update_trends.refresh(db, "toy")
        rows[name] = {r["kind"]: r["step"] for r in queries.rows(db, VIEWS["emergence"], {"model": "toy"})}
        store.close_writer(db)
    assert rows["all"]["task"] == 10 and rows["good"]["task"] == 30


def test_a_role_that_is_defined_nowhere_says_why(tmp_path):
    """Each reason that was given, once."""
    db = store.open_to_write(tmp_path / "store.db")
    model = models.Model("toy", "folder", "models/toy", 1000, 2, 2, 8, True, tokens_per_step=100)
    ids = models.add_model(db, model, [models.CheckpointRecord(s, s, f"step{s}") for s in (0, 10, 20)])
    run = requests.add_run(db, {"models": ["toy"]}, list(ids.values()))
    for step, reason in ((0, "no text"), (10, "too short"), (20, "too short")):
        models.checkpoint_loaded(db, ids[step], "ok", f"f{step}")
        of = results.Provenance(
            f"{step}", run, ids[step], "heads", {}, "", None, "float32", 0.1, role="copy_suppression"
        )
        results.write(db, of, results.Undefined(reason))
    update_trends.refresh(db, "toy")
    (row,) = queries.rows(db, VIEWS["emergence"], {"model": "toy"})
    assert (row["name"], row["step"]) == ("copy_suppression", None)
    assert row["reason"] == "undefined at every checkpoint: no text; too short"
    store.close_writer(db)


def test_an_import_settles_no_run_but_its_own(tmp_path):
    """Invariant: a run whose last unit has just ended is left to the runner, whose settling brings its trends."""
    graph, path, file = Graph(3, 3, True), tmp_path / "x.db", tmp_path / "circuit.json"
    mask = selection.circuit(selection.order(np.ones(graph.real.shape), graph, "topn"), 20, graph)
    eap_ig.write_json(CircuitFile(graph, mask.astype("f4"), mask, np.atleast_1d(mask.any(1)), 60), file)
    circuit_files.import_file(path, "sample-0.1m", "final", "ioi", file)
    db = store.open_to_write(path)
    (at,) = db.execute("SELECT id FROM checkpoint ORDER BY step DESC").fetchone()
    run = requests.add_run(db, {"models": ["sample-0.1m"]}, [at])
    unit = units.take_unit(db)
    assert unit is not None
    of = results.Provenance("a", run, at, "behaviour", {}, "", None, "float32", 0.1, task=IOI)
    results.write(db, of, recorded.behaviour(2.0, 0.1, 1.8, 2.2, 70, 1.0))
    models.checkpoint_loaded(db, at, "ok", "f")
    unit.finish("done", 1.0)
    circuit_files.import_file(path, "sample-0.1m", "final", "ioi", file)
    states = "SELECT state FROM run ORDER BY id"
    assert [row[0] for row in db.execute(states)] == ["done", "running", "done"]
    Settling(db, path).finish()
    assert [row[0] for row in db.execute(states)] == ["done"] * 3
    assert queries.rows(db, VIEWS["emergence"], {"model": "sample-0.1m", "task": "ioi"})
    store.close_writer(db)


@pytest.mark.processes
def test_a_run_that_is_cancelled_between_its_units_has_its_trends(tmp_path):
    """Invariant: with nothing under way no runner settles it; what it has computed is in the trends all the same."""
    path = tmp_path / "x.db"
    db = store.open_to_write(path)
    model = models.Model("toy", "folder", "models/toy", 1000, 2, 2, 8, True, tokens_per_step=100)
    ids = models.add_model(db, model, [models.CheckpointRecord(s, s, f"step{s}") for s in (0, 10)])
    run = requests.add_run(db, {"models": ["toy"]}, list(ids.values()))
    unit = units.take_unit(db)
    assert unit is not None
    models.checkpoint_loaded(db, ids[0], "ok", "f")
    of = results.Provenance("a", run, ids[0], "behaviour", {}, "", None, "float32", 0.1, task=IOI)
    results.write(db, of, recorded.behaviour(2.0, 0.1, 1.8, 2.2, 70, 1.0))
    unit.finish("done", 1.0)
    jobs.drop(path, run)
    assert runs.run_state(db, run) == "cancelled"
    found = queries.rows(db, VIEWS["emergence"], {"model": "toy", "task": "ioi"})
    assert found and not any(row["stale"] for row in found)
    store.close_writer(db)


STEPS = (0, 1, 1000, 2000, 3000, 4000, 5000, 6000)


@pytest.fixture
def trained(tmp_path):
    """Takes curves, one a head, as scores of a role, and tells its rows of `emergence` and of `handoffs`."""
    db = store.open_to_write(tmp_path / "store.db")
    model = models.Model("toy", "folder", "models/toy", 1000, 1, 3, 8, True, tokens_per_step=100)
    ids = models.add_model(db, model, [models.CheckpointRecord(s, 10 * s, f"step{s}") for s in STEPS])
    run = requests.add_run(db, {"models": ["toy"]}, list(ids.values()))

    def told(*curves: list[float], role: str = "name_mover", weights: dict[int, str] | None = None):
        for i, step in enumerate(STEPS):
            models.checkpoint_loaded(db, ids[step], "ok", (weights or {}).get(step, f"f{step}"))
            found = recorded.head_scores([(0, head, curve[i], None, None) for head, curve in enumerate(curves)])
            of = results.Provenance(f"{role} {step}", run, ids[step], "heads", {}, "", None, "float32", 0.1, role=role)
            results.write(db, of, found)
        update_trends.refresh(db, "toy")
        rows = queries.rows(db, VIEWS["emergence"], {"model": "toy"})
        return [row for row in rows if row["name"] == role], queries.rows(db, VIEWS["handoffs"], {"role": role})

    yield told
    store.close_writer(db)


UNTRAINED, MOVER = [0.13, 0.12, 0.1, 0.02, 0, 0, 0, 0], [0.06, 0.06, 0.15, 0.6, 0.9, 1, 1, 1]


def test_an_untrained_head_is_no_name_mover(trained):
    """Invariant: what heads reach by chance at the first step is no role, and rows say what their floor is from."""
    rows, passed = trained(UNTRAINED, MOVER)
    kinds = {(row["kind"], row["head"]): row for row in rows}
    assert {head for kind, head in kinds if kind in ("role", "head")} == {1} and passed == []
    mover = kinds["role", 1]
    assert (mover["step"], mover["state"], mover["floor"], mover["floor_from"]) == (
        *(2000, "emerged"),
        pytest.approx(0.195),
        "step 0",
    )


def test_a_step_zero_that_serves_the_final_weights_is_not_untrained(trained):
    """pythia-2.8b does: the final step stays in the trends, step 0 leaves them, and step 1 says what chance is."""
    rows, _ = trained([1, 0.12, 0, 0, 0, 0, 0, 1], weights={0: "final", 6000: "final"})
    (row,) = (row for row in rows if row["kind"] == "head")
    assert (row["step"], row["state"], row["value"]) == (None, "last checkpoint only", 1)
    assert (row["floor"], row["floor_from"]) == (pytest.approx(0.18), "step 1")


def test_without_an_untrained_checkpoint_the_floor_is_the_roles_own(trained):
    """Also for copy suppression, whose score of untrained heads says nothing."""
    rows, _ = trained(UNTRAINED, MOVER, weights={0: "x", 1: "x", 3000: "x"})
    assert {(row["floor"], row["floor_from"]) for row in rows if row["kind"] == "head"} == {(0.1, "role")}
    rows, _ = trained(UNTRAINED, MOVER, role="copy_suppression")
    assert {(row["floor"], row["floor_from"]) for row in rows if row["kind"] == "head"} == {(0.1, "role")}


def test_a_hand_off_says_how_far_it_goes_and_how_likely_it_is(trained):
    """Lost at 4000, three checkpoints from it on either side: 1000 to the last, 50,000 tokens at 10 a step."""
    giver, taker = [0, 0, 0.8, 0.8, 0.8, 0.1, 0, 0], [0, 0, 0, 0, 0, 0.6, 0.6, 0.6]
    _, (row,) = trained(giver, taker, role="previous_token")
    assert (row["from_head"], row["lost_step"], row["to_head"], row["gained_step"]) == (0, 4000, 1, 4000)
    assert (row["fall"], row["rise"]) == (pytest.approx(0.8 - 0.1 / 3), pytest.approx(0.6))
    assert (row["window"], row["window_tokens"]) == (3, 50_000) and 0 < row["expected_by_chance"] < 1
