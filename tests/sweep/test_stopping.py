"""A runner and its worker, told to stop what is under way and to go on: nothing that is wanted is left out."""

import signal
from contextlib import closing

import pytest
from here import Here, own_signals

from circuit_core.models import suites
from circuit_core.tasks.specs import TASKS
from circuit_store import models
from circuit_store.queue import control, requests, runs, units
from circuit_store.store import open_to_write
from circuit_sweep.engines.local import LocalEngine
from circuit_sweep.planning.analyses import analyses
from circuit_sweep.planning.model_sources import describe
from circuit_sweep.planning.request import Request
from circuit_sweep.planning.slots import Slots
from circuit_sweep.runner.runner import EndSignal, Runner
from circuit_sweep.runner.unit_lifecycle import RunningUnit
from circuit_sweep.worker.checkpoint import work
from circuit_sweep.worker.messages import Result, UnitFinished, UnitStopped, WorkOrder

REQUEST = Request(analyses=("behaviour", "heads"), device="cpu")


@pytest.fixture(scope="module")
def engine():
    """One worker, which stays from test to test."""
    with closing(LocalEngine(Slots(device="cpu").slots())) as engine:
        yield engine


@pytest.fixture
def runner(tmp_path, engine):
    """A runner with two checkpoints in its queue; the first is under way, all its analyses are to come."""
    path = tmp_path / "x.db"
    with closing(open_to_write(path)) as db:
        model, found = describe(db, "sample-0.1m")
        steps = [models.CheckpointRecord(f.step, None, f.revision) for f in found[-2:]]
        requests.add_run(db, vars(REQUEST), list(models.add_model(db, model, steps).values()))
        runner = Runner(db, path, engine, None)
        runner._fill()
        yield runner


def held(runner: Runner) -> list[int]:
    """How many results each checkpoint has."""
    found = runner.db.execute("SELECT count(*) FROM result GROUP BY checkpoint_id ORDER BY checkpoint_id")
    return [row[0] for row in found]


def cancel(db, run: int) -> None:
    control.cancel(db, run, at_work=True)


@pytest.mark.processes
@pytest.mark.parametrize("end, failed", [(cancel, False), (control.interrupt, True)])
def test_a_unit_that_was_told_to_stop_is_computed_whole_when_its_run_goes_on(runner, end, failed):
    """Invariant: the worker was told before the run was taken up again, and stops; the unit comes again, and has every
    result in the end, as the other has."""
    end(runner.db, 1)
    runner._look_after()
    (first,) = runner.under_way.values()
    assert first.asked_to_stop is not None
    assert control.go_on(runner.db, 1, failed) == 2
    runner.work()
    found = runs.units(runner.db, 1)
    assert [(unit["state"], unit["attempts"]) for unit in found] == [("done", 2), ("done", 1)]
    assert runs.run_state(runner.db, 1) == "done" and held(runner) == [len(analyses(REQUEST, [TASKS["ioi"]], None))] * 2


@pytest.mark.parametrize("told", [False, True])
def test_a_worker_says_whether_it_stopped(told):
    """Invariant: one that hears of it in its last computation has finished."""
    todo = analyses(Request(analyses=("behaviour",)), [TASKS[name] for name in ("ioi", "greater_than")], None)
    order = WorkOrder(1, suites.sample_folder() / "sample-0.1m" / "step0", todo, "float32", "cpu")
    *said, last = work(order, lambda: told)
    assert sum(isinstance(message, Result) for message in said) == (1 if told else 2)
    assert isinstance(last, UnitStopped if told else UnitFinished)


@pytest.mark.parametrize("said, state", [(UnitFinished, "done"), (UnitStopped, "cancelled")])
def test_a_unit_is_done_if_all_of_it_is_there(tmp_path, said, state):
    """Invariant: a worker that finished before it heard that its run was cancelled has computed the whole unit."""
    path = tmp_path / "x.db"
    with closing(open_to_write(path)) as db:
        model, found = describe(db, "sample-0.1m")
        ids = models.add_model(db, model, [models.CheckpointRecord(found[-1].step, None, found[-1].revision)])
        run = requests.add_run(db, vars(REQUEST), list(ids.values()))
        unit = units.take_unit(db)
        assert unit is not None
        taken = RunningUnit(db, path, unit)
        cancel(db, run)
        taken.asked_to_stop = 0.0
        assert taken.say(said(unit.id))
        requests.close_runs(db)
        assert [row["state"] for row in runs.units(db, run)] == [state] and runs.run_state(db, run) == "cancelled"


def test_a_signal_ends_the_runner_that_listens_and_no_other(tmp_path):
    """Invariant: that it is to end is a runner's own: told, it takes no unit, and another of the process does."""
    path, told, other = tmp_path / "x.db", EndSignal(), EndSignal()
    with own_signals():
        told.listen()
        signal.raise_signal(signal.SIGTERM)
    with closing(open_to_write(path)) as db:
        model, found = describe(db, "sample-0.1m")
        ids = models.add_model(db, model, [models.CheckpointRecord(found[-1].step, None, found[-1].revision)])
        requests.add_run(db, vars(REQUEST), list(ids.values()))
        slots = Slots(device="cpu")
        Runner(db, path, Here(slots), None, told).work()
        assert runs.units(db, 1)[0]["state"] == "queued"
        Runner(db, path, Here(slots), None, other)._fill()
        assert runs.units(db, 1)[0]["state"] == "loading"
