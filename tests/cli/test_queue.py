"""What the commands of the queue do to runs, while this process stands for the runner: it holds the lock."""

import fcntl
import json
import time
from contextlib import closing, contextmanager

import pytest

from circuit_store import models
from circuit_store.queue import control, requests, runners, runs, units
from circuit_store.store import open_to_write

pytestmark = pytest.mark.processes


@pytest.fixture
def db(fresh):
    with closing(open_to_write(fresh.store)) as db:
        yield db


@pytest.fixture
def queue(db):
    """Runs of two units each, by what was done to them."""
    model = models.Model("toy", "folder", "models/toy", 1000, 2, 2, 8, True)
    ids = list(
        models.add_model(db, model, [models.CheckpointRecord(step, None, f"step{step}") for step in (0, 1)]).values()
    )
    names = ("cancelling", "cancelled", "interrupted", "queued", "done", "failed")
    made = {name: requests.add_run(db, {"models": [name]}, ids) for name in names}
    units.take_unit(db)
    for state in ("done", "failed"):
        db.execute("UPDATE unit SET state = ? WHERE run_id = ?", (state, made[state]))
    requests.close_runs(db)
    control.cancel(db, made["cancelling"], at_work=True)
    control.cancel(db, made["cancelled"], at_work=False)
    control.interrupt(db, made["interrupted"])
    assert {row["request"]["models"][0]: row["state"] for row in runs.listed(db)} == {name: name for name in names}
    return made


@contextmanager
def at_work(shell):
    """Whoever looks for a runner finds one."""
    with open(f"{shell.store}.lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def test_resume_without_a_run_leaves_cancelled_ones(fresh, db, queue):
    """Invariant: what was interrupted, and what waits, goes on; what was cancelled, also a moment ago, does not."""
    db.execute("INSERT INTO runner (id, host, pid, seen) VALUES (1, 'here', 1, 'now')")
    before = {row["run"]: row["state"] for row in runs.listed(db)}
    with at_work(fresh):
        told = json.loads(fresh("jobs", "resume", "--json"))
        assert told == {"runs": [queue["queued"], queue["interrupted"]], "queued": 4}
        after = {row["run"]: row["state"] for row in runs.listed(db)}
        assert after == before | {queue["interrupted"]: "queued"}


@pytest.mark.parametrize("state", ["cancelled", "cancelling"])
def test_resume_takes_up_a_cancelled_run_by_its_number(fresh, db, queue, state):
    """Invariant: a run that is named goes on whole, also if what is under way of it has not ended yet."""
    db.execute("INSERT INTO runner (id, host, pid, seen) VALUES (1, 'here', 1, 'now')")
    with at_work(fresh):
        told = json.loads(fresh("jobs", "resume", str(queue[state]), "--json"))
    assert told == {"runs": [queue[state]], "queued": 2}
    assert runs.listed(db, queue[state])[0]["state"] in ("queued", "running")


def test_where_all_that_is_left_was_cancelled_resume_says_how_to_take_it_up(fresh, db, queue):
    """Invariant: nothing goes on by itself, and no runner starts; the sentence names the command."""
    for state in ("cancelling", "interrupted", "queued"):
        control.cancel(db, queue[state], at_work=False)
    done = fresh.run("jobs", "resume")
    assert (done.returncode, done.stdout) == (0, b"")
    said = done.stderr.decode()
    assert said.startswith("Nothing is left to compute. A cancelled run is resumed by its number: `circuit-tui ")
    assert f"jobs resume {queue['queued']}`" in said
    assert {unit["state"] for unit in runs.units(db, queue["queued"])} == {"cancelled"}
    assert not fresh.store.with_name("store.db.lock").exists()


def test_resume_sees_to_it_that_a_cancelled_run_is_settled(fresh, db, queue):
    """Invariant: a run whose runner died before what was under way had ended does not stay at `cancelling`."""
    for state in ("interrupted", "queued"):
        control.cancel(db, queue[state], at_work=False)
    fresh("jobs", "resume")
    until = time.monotonic() + 600
    while runs.run_state(db, queue["cancelling"]) != "cancelled" or runners.holder(db):
        assert time.monotonic() < until
        time.sleep(0.1)
    assert {unit["state"] for unit in runs.units(db, queue["cancelling"])} == {"cancelled"}
