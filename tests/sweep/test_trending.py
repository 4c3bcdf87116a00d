"""Trends of results that have a value and no error."""

from circuit_core.sweep import trending
from circuit_store import models, queries, requests, results, store
from circuit_store.views import VIEWS


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
