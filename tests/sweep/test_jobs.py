"""Jobs in the background: they outlive what started them, are joined, interrupted, resumed and listed."""

import json
import os
import signal
import stat
import subprocess
import sys
from contextlib import closing

import pytest

from circuit_core.models import checkpoints, suites
from circuit_store import models
from circuit_store.queue import control, requests
from circuit_store.store import close_writer, open_to_write
from circuit_sweep.runner import exit_codes

pytestmark = pytest.mark.processes

STEPS = [found.step for found in checkpoints.discover(suites.sample_folder() / "sample-0.1m")]
FEW = ",".join(map(str, STEPS[:3]))
RUN = ("run", "sample-0.1m", "--checkpoints", FEW, "--analyses", "behaviour,heads")


def test_a_detached_run_goes_on_by_itself(bench):
    """Invariant: the command returns at once; the runner leads its own session, SIGHUP does not end it; a second
    one leaves it the work, no unit runs twice; its log is the user's alone and `jobs` tells how it went."""
    out, _ = bench(*RUN, "--detach", "--json")
    assert json.loads(out) == {"run": 1, "queued": 3, "already": 0}
    bench.until(lambda: bench.ask("SELECT pid FROM runner") != [] and bench.ask("SELECT pid FROM run")[0][0])
    runner = bench.runner()
    assert os.getsid(runner) == runner != os.getsid(0)
    second = [sys.executable, "-P", "-m", "circuit_sweep", str(bench.store)]
    assert subprocess.run(second, env=bench.env, timeout=1200).returncode == exit_codes.JOINED
    bench.kill(signal.SIGHUP)
    bench.until(bench.idle)
    assert [u[:2] for u in bench.units().values()] == [("done", 1)] * 3 and bench.ask("SELECT * FROM runner") == []
    assert stat.S_IMODE(bench.logged.stat().st_mode) == 0o600

    (listed,) = json.loads(bench.told("jobs", "--json")[0])["runs"]
    assert (listed["state"], listed["done"], listed["open"], listed["log"]) == ("done", 3, 0, str(bench.logged))
    shown = json.loads(bench.told("jobs", "show", "1", "--json")[0])
    assert [(u["step"], u["state"], u["slot"]) for u in shown["units"]] == [(s, "done", "0:auto") for s in STEPS[:3]]
    named = [line.split(" run 1: ")[1].split()[0] for line in bench.told("jobs", "logs", "1")[0].splitlines()]
    assert list(dict.fromkeys(named)) == [f"sample-0.1m@{step}" for step in STEPS[:3]]
    bench.told("jobs", "forget", "1")
    assert json.loads(bench.told("jobs", "list", "--json")[0]) == {"runs": []}
    assert len(bench.results()) > 0


def test_a_second_run_joins_the_runner_that_lives(bench):
    """Invariant: one runner computes both; interrupting the first leaves what the second asked for; a third, which asks
    for the same in other words, is told that it is there already."""
    first = bench.gated(*RUN)
    runner = bench.runner()
    wanted = ("--analyses", "behaviour", "--checkpoints")
    second = bench.start("run", "sample-0.1m", *wanted, "final", "--priority", "1")
    bench.until(lambda: bench.ask("SELECT count(*) FROM asker") == [(2,)])
    third = bench.start("run", "sample-0.1m", *wanted, str(STEPS[-1]))
    bench.until(lambda: bench.ask("SELECT count(*) FROM asker") == [(3,)])
    first.send_signal(signal.SIGINT)
    _, err = bench.end(first, 130)
    assert "`circuit-tui jobs resume 1`" in err
    bench.gate.open()
    assert "1 checkpoint computed, 0 were already there" in bench.end(second)[1]
    assert "0 checkpoints computed, 1 were already there" in bench.end(third)[1]
    assert bench.ask("SELECT id, state FROM run") == [(1, "interrupted"), (2, "done"), (3, "done")]
    assert bench.ask("SELECT DISTINCT pid FROM run") == [(runner,)]
    bench.until(bench.idle)
    bench.here("jobs", "resume", "1")
    assert bench.ask("SELECT DISTINCT state FROM run") == bench.ask("SELECT DISTINCT state FROM unit") == [("done",)]


@pytest.fixture(scope="module")
def taken_over(benches):
    """Of three equal commands the last is interrupted, then the runner of the first is told to end: what the last said,
    the runner, and what is left."""
    bench = benches()
    first = bench.gated(*RUN, done=0, starts=1)
    others = [bench.start(*RUN) for _ in range(2)]
    bench.until(lambda: bench.ask("SELECT count(*) FROM asker") == [(3,)])
    others[1].send_signal(signal.SIGINT)
    _, said = bench.end(others[1], 130)
    runner = bench.runner()
    os.kill(runner, signal.SIGTERM)
    bench.end(first, 1)
    bench.gate.open()
    bench.end(others[0])
    return bench, said, runner


def test_what_two_asked_for_goes_on_without_one(taken_over):
    """Invariant: of equal commands one may be interrupted; another ends well, no unit is lost."""
    bench, said, _ = taken_over
    assert "Run 1 goes on" in said
    assert {u[0] for u in bench.units().values()} == {"done"}


def test_a_follower_takes_over_from_a_runner_that_ends(taken_over):
    """Invariant: when the runner of another is asked to end, who follows starts one, and the work is done."""
    bench, _, runner = taken_over
    assert {u[0] for u in bench.units().values()} == {"done"} and bench.runner() != runner


def test_resuming_a_long_run_begins_with_what_is_left(bench):
    """Invariant: of 202 units the 200 that are finished are not taken again."""
    source = suites.sample_folder() / "sample-0.1m"
    with closing(open_to_write(bench.store)) as db:
        steps = [models.CheckpointRecord(10_000 + i, None, f"step{STEPS[-1]}") for i in range(202)]
        model = models.Model("long", "folder", str(source), 1, 2, 2, 8, True)
        ids = list(models.add_model(db, model, steps).values())
        request = {"analyses": ["behaviour"], "tasks": ["ioi"], "models": ["long"]}
        run = requests.add_run(db, request, ids)
        db.execute("UPDATE unit SET state = 'done', seconds = 1 WHERE checkpoint_id <= ?", (ids[199],))
        control.interrupt(db, run)
        db.execute("UPDATE unit SET state = 'done' WHERE checkpoint_id <= ?", (ids[199],))
        close_writer(db)
    bench.here("jobs", "resume", "1")
    assert bench.ask("SELECT state FROM run") == [("done",)]
    assert bench.ask("SELECT attempts, count(*) FROM unit GROUP BY 1 ORDER BY 1") == [(0, 200), (1, 2)]
