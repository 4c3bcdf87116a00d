"""What is under way is what is shown, what a person asks for by hand comes next, and what was told to stop is computed
all the same if it is wanted again: with a real worker at a gate."""

import math
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from gated import Gate, serve

from circuit_core.tasks.specs import TASKS
from circuit_store import models
from circuit_store.queue import control, requests, runs, units
from circuit_store.store import open_to_write
from circuit_sweep.engines import local
from circuit_sweep.engines.local import LocalEngine
from circuit_sweep.planning.analyses import analyses
from circuit_sweep.planning.model_sources import describe
from circuit_sweep.planning.request import Request
from circuit_sweep.planning.slots import Slots
from circuit_sweep.runner.runner import Runner
from circuit_sweep.runner.unit_lifecycle import RunningUnit
from circuit_sweep.worker.checkpoint import work

pytestmark = pytest.mark.processes

REQUEST = Request(analyses=("behaviour", "heads"), device="cpu")
TITLES = [analysis.title for analysis in analyses(REQUEST, [TASKS["ioi"]], None)]
WITHIN = "heads duplicate_token"
"""The second of three roles that are found in one pass."""
PATCH = {"to": "logits", "senders": "all", "freeze_mlps": False}


@pytest.fixture(scope="module")
def gate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gate")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(local, "serve", serve)
        patch.setenv("GATE", str(folder))
        yield Gate(folder)


@pytest.fixture(scope="module")
def engine(gate):
    """One worker at the gate, which stays from test to test."""
    with closing(LocalEngine(Slots(device="cpu").slots())) as engine:
        yield engine


@contextmanager
def queued(folder: Path, engine: LocalEngine) -> Iterator[Runner]:
    """A runner with two checkpoints in its queue; the first is under way, all its analyses are to come."""
    path = folder / "x.db"
    with closing(open_to_write(path)) as db:
        model, found = describe(db, "sample-0.1m")
        steps = [models.CheckpointRecord(f.step, None, f.revision) for f in found[-2:]]
        requests.add_run(db, vars(REQUEST), list(models.add_model(db, model, steps).values()))
        runner = Runner(db, path, engine, None)
        runner._fill()
        yield runner


@pytest.fixture(scope="module", params=[0, 1], ids=["the checkpoint under way", "another checkpoint"])
def place(request) -> int:
    """Which of two checkpoints is asked for by hand."""
    return request.param


@pytest.fixture(scope="module")
def runner(place, gate, engine, tmp_path_factory):
    """Of one that is queued the second of three roles of one pass is under way."""
    gate.anew()
    with queued(tmp_path_factory.mktemp("under_way"), engine) as runner:
        gate.let(TITLES.index(WITHIN))
        while runs.units(runner.db, 1)[0]["doing"] != WITHIN or not gate.waits():
            runner._listen()
        yield runner


def test_the_job_shown_is_the_one_under_way(runner, gate):
    """Invariant: however fast those before it went, it is shown while it lasts, with the share that lies behind."""
    unit = runs.units(runner.db, 1)[0]
    assert (unit["doing"], unit["fraction"]) == (WITHIN, TITLES.index(WITHIN) / len(TITLES))
    assert gate.begun()[-1].endswith(WITHIN)
    progress = runs.progress(runner.db)
    assert progress and progress.current and progress.current.endswith(WITHIN)


def test_what_is_asked_for_by_hand_comes_after_the_computation_under_way(runner, gate, place):
    """Invariant: the unit under way ends with the pass that it is in, what it has found stays, the rest of it comes
    after what was asked for, and nothing is computed twice."""
    db = runner.db
    checkpoint = [row[0] for row in db.execute("SELECT id FROM checkpoint ORDER BY step")][place]
    asked = Request(analyses=("patch",), patch=PATCH, device="cpu")
    requests.add_run(db, vars(asked), [checkpoint], units.BY_HAND)
    runner._listen()
    (taken,) = runner.under_way.values()
    assert taken.gives_way
    while not gate.stopped():
        runner._listen()
    gate.let(1000)
    runner.work()
    of_runs = [row[0] for row in db.execute("SELECT run_id FROM result ORDER BY id")]
    first = TITLES.index("heads previous_token") + 1
    assert of_runs == [1] * first + [2] + [1] * (2 * len(TITLES) - first)
    assert [(unit["state"], unit["attempts"]) for unit in runs.units(db, 1)] == [("done", 2), ("done", 1)]
    begun = gate.begun()
    assert len(begun) == len(set(begun)) == len(of_runs)
    spent = "SELECT checkpoint_id, sum(seconds) FROM result WHERE run_id = 1 GROUP BY 1 ORDER BY 1"
    assert runs.units(db, 1)[0]["seconds"] >= db.execute(spent).fetchone()[1]


def test_how_far_a_long_job_is_is_shown_while_it_goes_on(tmp_path, monkeypatch):
    """Invariant: of prompts in three batches it says how many are done; of those in one, nothing."""
    monkeypatch.setattr("circuit_core.behaviour.fitting", lambda *given: 30)
    with closing(open_to_write(tmp_path / "x.db")) as db:
        model, found = describe(db, "sample-0.1m")
        ids = models.add_model(db, model, [models.CheckpointRecord(found[-1].step, None, found[-1].revision)])
        requests.add_run(db, vars(Request(analyses=("behaviour", "heads"), device="cpu")), list(ids.values()))
        unit = units.take_unit(db)
        assert unit
        taken, shown = RunningUnit(db, tmp_path / "x.db", unit), []
        order = taken.order(Slots("cpu").slots()[0], None)
        assert order

        def say(message) -> None:
            taken.noted = -math.inf
            taken.say(message)
            taken.show()
            shown.append(runs.units(db, unit.run)[0]["doing"])

        for message in work(order, say=say):
            taken.say(message)
    assert shown == ["behaviour ioi 30/70", "behaviour ioi 60/70", "behaviour ioi 70/70"]


def cancel(db, run: int) -> None:
    control.cancel(db, run, at_work=True)


@pytest.mark.parametrize("end, failed", [(cancel, False), (control.interrupt, True)])
def test_a_unit_that_was_told_to_stop_is_computed_whole_when_its_run_goes_on(gate, engine, tmp_path, end, failed):
    """Invariant: the worker was told before the run was taken up again, and stops; the unit comes again, and has every
    result in the end, as the other has."""
    gate.anew()
    with queued(tmp_path, engine) as runner:
        end(runner.db, 1)
        runner._look_after()
        (first,) = runner.under_way.values()
        assert first.asked_to_stop is not None
        assert control.go_on(runner.db, 1, failed) == 2
        gate.open()
        runner.work()
        found = runs.units(runner.db, 1)
        assert [(unit["state"], unit["attempts"]) for unit in found] == [("done", 2), ("done", 1)]
        held = runner.db.execute("SELECT count(*) FROM result GROUP BY checkpoint_id").fetchall()
        assert runs.run_state(runner.db, 1) == "done" and [row[0] for row in held] == [len(TITLES)] * 2
