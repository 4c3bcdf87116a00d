"""What a request would cost: units that lack something, and time from what was computed before."""

import sqlite3
from pathlib import Path

import pytest

from circuit_core import checkpoints, suites
from circuit_core.sweep import task_names
from circuit_core.sweep.estimate import Estimate, estimate
from circuit_core.sweep.plan import Survey, note, survey
from circuit_core.sweep.request import Request
from circuit_core.sweep.slots import Slots
from circuit_store import models, requests, results
from circuit_store.store import open_to_write

REQUEST = Request(analyses=("behaviour",), tasks=("ioi", "gendered_pronoun"))
STEPS = "0,250,500"


def surveyed(db: sqlite3.Connection, model: str, steps: str, request: Request) -> Survey:
    return survey(db, model, steps, request, [task_names.find(db, name) for name in request.tasks])


@pytest.fixture
def db(tmp_path: Path) -> sqlite3.Connection:
    """Step 0 of sample-0.1m has behaviour on IOI, which took 2 s; its unit took 3 s in all."""
    db = open_to_write(tmp_path / "store.db")
    requests.add_run(db, {"models": ["sample-0.1m"]}, note(db, surveyed(db, "sample-0.1m", STEPS, REQUEST))[:1])
    unit = requests.take_unit(db)
    assert unit
    (job,) = surveyed(db, "sample-0.1m", "0", Request(analyses=("behaviour",))).missing[0]
    assert job.task
    identity = checkpoints.identity(suites.sample_folder() / "sample-0.1m" / "step0")
    task = results.TaskRecord(job.task.name, job.task.hash, job.task.metric, job.task.prepend_bos)
    key = job.key("sample-0.1m@0", identity)
    of = results.Provenance(
        key, unit.run, unit.checkpoint, "behaviour", {}, identity, "f", "float32", 2.0, task=task, device="cpu"
    )
    results.write(db, of, results.Behaviour(1.0, 0.1, 0.9, 1.1, 70, 1.0))
    requests.computing_on(db, unit, "cpu")
    requests.finish_unit(db, unit, "done", 3.0)
    return db


def of(db: sqlite3.Connection | None, model: str, request: Request, workers: int = 1) -> Estimate:
    return estimate(db, [model], STEPS, request, Slots("cpu", workers))


def test_time_is_that_of_the_same_analyses_and_loading(db):
    """Invariant: of one task, step 0 lacks nothing; the two others take 2 + 1 s each, on two slots half as long."""
    one = Request(analyses=("behaviour",))
    found = of(db, "sample-0.1m", one)
    assert (found.units, found.already, found.results, found.seconds) == (2, 1, 2, pytest.approx(6.0))
    assert of(db, "sample-0.1m", one, 2).seconds == pytest.approx(3.0) == of(db, "sample-0.1m", one, 9).seconds
    folder = suites.sample_folder() / "sample-0.1m"
    assert found.bytes == sum((folder / f"step{s}" / "model.safetensors").stat().st_size for s in (250, 500))


def test_what_was_never_computed_has_no_time(db):
    found = of(db, "sample-0.1m", REQUEST)
    assert (found.units, found.results, found.seconds, found.untimed) == (3, 5, None, ("behaviour",))
    assert of(db, "sample-0.1m", Request(analyses=("behaviour",), dtype="float64")).seconds is None


def test_another_models_time_is_scaled_by_size_and_named(db):
    sizes = {name: surveyed(db, name, "0", REQUEST).model.params for name in ("sample-0.1m", "sample-0.4m")}
    found = of(db, "sample-0.4m", Request(analyses=("behaviour",)))
    assert sizes["sample-0.1m"] and sizes["sample-0.4m"]
    assert found.seconds == pytest.approx(9.0 * sizes["sample-0.4m"] / sizes["sample-0.1m"])
    assert found.seconds_from == ("sample-0.1m",) and found.weights == 4 * sizes["sample-0.4m"]


def test_nothing_is_written_and_no_store_is_needed(db):
    before = db.total_changes
    of(db, "sample-0.4m", Request(analyses=("behaviour", "heads")))
    assert db.total_changes == before and models.held_model(db, "sample-0.4m") is None
    assert of(None, "sample-0.4m", REQUEST).units == 3


def test_the_same_is_missing_as_a_run_would_queue(db):
    for request in (REQUEST, Request(analyses=("behaviour",))):
        planned = surveyed(db, "sample-0.1m", STEPS, request)
        found = of(db, "sample-0.1m", request)
        assert (len(planned.missing), len(planned.steps)) == (found.units, found.units + found.already)
