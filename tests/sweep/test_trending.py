"""Trends of results that have a value and no error, and of a run that ends while others do something else."""

import numpy as np

from circuit_core.circuits import selection
from circuit_core.formats import eap_ig
from circuit_core.formats.circuit_file import CircuitFile
from circuit_core.graph import Graph
from circuit_core.sweep import carry, runner, trending
from circuit_store import models, queries, requests, results, runs, store, units
from circuit_store.views import VIEWS
from circuit_tui import jobs

IOI = results.TaskRecord("ioi", "hash", "logit_diff", False)


def test_one_prompt_acquires_no_task(tmp_path):
    """Without a standard error the final metric cannot be told from chance, and the reason is the result's."""
    db = store.open_to_write(tmp_path / "store.db")
    model = models.Model("toy", "folder", "models/toy", None, 100, 1000, 2, 2, 8, True)
    ids = models.add_model(db, model, [models.Checkpoint(s, s, f"step{s}") for s in (0, 10)])
    run = requests.add_run(db, {"models": ["toy"]}, list(ids.values()))
    task = results.TaskRecord("pair", "hash", "logit_diff", False)
    for step, value in ((0, 0.1), (10, 2.0)):
        models.checkpoint_loaded(db, ids[step], "ok", f"f{step}")
        of = results.Provenance(f"{step}", run, ids[step], "behaviour", {}, "", None, "float32", 0.1, task=task)
        results.write(db, of, results.Behaviour(value, None, None, None, 1, 1.0, "one prompt"))
    trending.refresh(db, "toy")
    (row,) = queries.rows(db, VIEWS["emergence"], {"model": "toy"})
    assert (row["name"], row["step"], row["reason"]) == ("pair", None, "one prompt")
    store.close_writer(db)


def test_a_role_that_is_defined_nowhere_says_why(tmp_path):
    """Each reason that was given, once."""
    db = store.open_to_write(tmp_path / "store.db")
    model = models.Model("toy", "folder", "models/toy", None, 100, 1000, 2, 2, 8, True)
    ids = models.add_model(db, model, [models.Checkpoint(s, s, f"step{s}") for s in (0, 10, 20)])
    run = requests.add_run(db, {"models": ["toy"]}, list(ids.values()))
    for step, reason in ((0, "no text"), (10, "too short"), (20, "too short")):
        models.checkpoint_loaded(db, ids[step], "ok", f"f{step}")
        of = results.Provenance(
            f"{step}", run, ids[step], "heads", {}, "", None, "float32", 0.1, role="copy_suppression"
        )
        results.write(db, of, results.Undefined(reason))
    trending.refresh(db, "toy")
    (row,) = queries.rows(db, VIEWS["emergence"], {"model": "toy"})
    assert (row["name"], row["step"]) == ("copy_suppression", None)
    assert row["reason"] == "undefined at every checkpoint: no text; too short"
    store.close_writer(db)


def test_an_import_settles_no_run_but_its_own(tmp_path):
    """Invariant: a run whose last unit has just ended is left to the runner, whose settling brings its trends."""
    graph, path, file = Graph(3, 3, True), tmp_path / "x.db", tmp_path / "circuit.json"
    mask = selection.circuit(selection.order(np.ones(graph.real.shape), graph, "topn"), 20, graph)
    eap_ig.write_json(CircuitFile(graph, mask.astype("f4"), mask, np.atleast_1d(mask.any(1)), 60), file)
    carry.import_file(path, "sample-0.1m", "final", "ioi", file)
    db = store.open_to_write(path)
    (at,) = db.execute("SELECT id FROM checkpoint ORDER BY step DESC").fetchone()
    run = requests.add_run(db, {"models": ["sample-0.1m"]}, [at])
    unit = units.take_unit(db)
    assert unit is not None
    of = results.Provenance("a", run, at, "behaviour", {}, "", None, "float32", 0.1, task=IOI)
    results.write(db, of, results.Behaviour(2.0, 0.1, 1.8, 2.2, 70, 1.0))
    models.checkpoint_loaded(db, at, "ok", "f")
    units.finish_unit(db, unit, "done", 1.0)
    carry.import_file(path, "sample-0.1m", "final", "ioi", file)
    states = "SELECT state FROM run ORDER BY id"
    assert [row[0] for row in db.execute(states)] == ["done", "running", "done"]
    runner._close(db)
    assert [row[0] for row in db.execute(states)] == ["done"] * 3
    assert queries.rows(db, VIEWS["emergence"], {"model": "sample-0.1m", "task": "ioi"})
    store.close_writer(db)


def test_a_run_that_is_cancelled_between_its_units_has_its_trends(tmp_path):
    """Invariant: with nothing under way no runner settles it; what it has computed is in the trends all the same."""
    path = tmp_path / "x.db"
    db = store.open_to_write(path)
    model = models.Model("toy", "folder", "models/toy", None, 100, 1000, 2, 2, 8, True)
    ids = models.add_model(db, model, [models.Checkpoint(s, s, f"step{s}") for s in (0, 10)])
    run = requests.add_run(db, {"models": ["toy"]}, list(ids.values()))
    unit = units.take_unit(db)
    assert unit is not None
    models.checkpoint_loaded(db, ids[0], "ok", "f")
    of = results.Provenance("a", run, ids[0], "behaviour", {}, "", None, "float32", 0.1, task=IOI)
    results.write(db, of, results.Behaviour(2.0, 0.1, 1.8, 2.2, 70, 1.0))
    units.finish_unit(db, unit, "done", 1.0)
    jobs.drop(path, run)
    assert runs.run_state(db, run) == "cancelled"
    found = queries.rows(db, VIEWS["emergence"], {"model": "toy", "task": "ioi"})
    assert found and not any(row["stale"] for row in found)
    store.close_writer(db)
