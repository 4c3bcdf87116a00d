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
from circuit_sweep.planning.analyses import analyses
from circuit_sweep.planning.model_sources import describe
from circuit_sweep.planning.request import Request
from circuit_sweep.planning.slots import Slots
from circuit_sweep.runner.runner import EndSignal, Runner
from circuit_sweep.runner.unit_lifecycle import RunningUnit
from circuit_sweep.worker.checkpoint import work
from circuit_sweep.worker.messages import Result, UnitFinished, UnitStopped, WorkOrder

REQUEST = Request(analyses=("behaviour", "heads"), device="cpu")


def cancel(db, run: int) -> None:
    control.cancel(db, run, at_work=True)


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
