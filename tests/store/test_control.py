"""What a person does to runs: ask, withdraw, cancel, take up again, forget; and who the runner is."""

import subprocess
import sys

import pytest

from circuit_store.errors import UnknownName
from circuit_store.queue import control, requests, runners, runs, units

HERE, OTHER = 1, 2  # pids: init lives, and none has so large a number as GONE
GONE = 2**22 + 1


def states(toy, run: int | None = None) -> list[str]:
    found = toy.db.execute("SELECT state FROM unit WHERE run_id = ? ORDER BY id", (run or toy.run,))
    return [row[0] for row in found]


def taken(toy) -> units.Unit:
    unit = units.take_unit(toy.db, "0:cpu")
    assert unit is not None
    return unit


def test_a_higher_priority_comes_first(toy):
    """Invariant: units go by priority, then by run, then in order."""
    urgent = requests.add_run(toy.db, {"models": ["urgent"]}, [toy.ids[20]], priority=1)
    assert [(u.run, u.step) for u in (taken(toy), taken(toy), taken(toy), taken(toy))] == [
        (urgent, 20),
        *((toy.run, step) for step in (0, 10, 20)),
    ]


def test_a_lower_priority_comes_last(toy):
    """Invariant: a run may stand behind those that ask for nothing special."""
    with toy.db:
        toy.db.execute("DELETE FROM unit")
    patient = requests.add_run(toy.db, {"models": ["patient"]}, [toy.ids[20]], priority=-1)
    usual = requests.add_run(toy.db, {"models": ["usual"]}, [toy.ids[10]])
    assert [taken(toy).run, taken(toy).run] == [usual, patient]


def test_a_checkpoint_under_way_is_not_taken_twice(toy):
    """Invariant: two runs that ask for one checkpoint get it one after the other."""
    requests.add_run(toy.db, {"models": ["again"]}, [toy.ids[0]], priority=1)
    first = taken(toy)
    second = units.take_unit(toy.db, "1:cpu", [first.checkpoint])
    assert (first.step, second and second.step) == (0, 10)


def test_a_run_ends_with_the_last_that_asked(toy):
    """Invariant: while another living process or a detached command asks, withdrawing interrupts nothing."""
    for pid in (HERE, GONE, control.DETACHED):
        control.ask(toy.db, toy.run, pid)
    assert not control.withdraw(toy.db, toy.run, HERE)
    assert set(states(toy)) == {"queued"}
    assert control.withdraw(toy.db, toy.run, control.DETACHED)
    assert set(states(toy)) == {"interrupted"} and runs.run_state(toy.db, toy.run) == "interrupted"


def test_resume_queues_what_was_left_and_nothing_that_is_done(toy):
    """Invariant: finished units stay; `resume` leaves failed ones, `retry` takes them as well."""
    done, failed = taken(toy), taken(toy)
    done.finish("done", 1.0)
    failed.finish("failed", 1.0, "broken")
    control.interrupt(toy.db, toy.run)
    assert control.go_on(toy.db, toy.run) == 1
    assert states(toy) == ["done", "failed", "queued"]
    assert control.go_on(toy.db, toy.run, failed=True) == 2
    assert states(toy) == ["done", "queued", "queued"]
    assert runs.run_state(toy.db, toy.run) == "queued"


def test_cancelling_drops_what_waits_and_settles_the_run(toy):
    """Invariant: a runner ends what is under way itself; without one nothing is under way."""
    unit = taken(toy)
    control.cancel(toy.db, toy.run, at_work=True)
    assert states(toy) == ["loading", "cancelled", "cancelled"]
    assert control.unwanted(toy.db, [unit.id]) == {unit.id}
    assert runs.listed(toy.db)[0]["state"] == "cancelling"
    control.cancel(toy.db, toy.run, at_work=False)
    assert set(states(toy)) == {"cancelled"} and runs.run_state(toy.db, toy.run) == "cancelled"


def test_cancelling_a_run_settles_no_other(toy):
    """Invariant: a run whose last unit has just ended is the runner's to settle, after the trends of its models."""
    while unit := units.take_unit(toy.db):
        unit.finish("done", 1.0)
    other = requests.add_run(toy.db, {"models": ["other"]}, [toy.ids[0]])
    control.cancel(toy.db, other, at_work=True)
    assert runs.run_state(toy.db, other) == "cancelled" and requests.finished_runs(toy.db) == [toy.run]
    requests.close_runs(toy.db)
    assert runs.run_state(toy.db, toy.run) == "done"


def test_what_was_queued_again_while_it_stopped_stays_queued(toy):
    """Invariant: a runner that ends an unwanted unit does not undo a `resume` in between."""
    unit = taken(toy)
    control.interrupt(toy.db, toy.run)
    assert control.unwanted(toy.db, [unit.id]) == {unit.id}
    control.go_on(toy.db, toy.run)
    unit.doing("circuit", 0.5)
    control.stopped(toy.db, unit.id)
    assert set(states(toy)) == {"queued"}


def test_a_unit_that_kills_its_workers_fails_at_the_second(toy):
    """Invariant: the first death queues the unit again, the second is recorded with its reason."""
    assert taken(toy).crashed(1.0, "killed")
    unit = taken(toy)
    assert (unit.step, unit.crashes) == (0, 1)
    assert not unit.crashed(1.0, "killed")
    assert runs.failures(toy.db, toy.run) == [("toy", 0, "killed")]
    control.go_on(toy.db, toy.run, failed=True)
    assert taken(toy).crashes == 0


def test_forgetting_keeps_results(toy):
    """Invariant: a run with results leaves the list alone; one without leaves the store; an open one stays."""
    toy.behaviour(0, 1.0)
    with pytest.raises(UnknownName, match="jobs cancel 1"):
        control.forget(toy.db, toy.run)
    empty = requests.add_run(toy.db, {"models": ["other"]}, [])
    requests.close_runs(toy.db)
    control.cancel(toy.db, toy.run, at_work=False)
    for run in (toy.run, empty):
        control.forget(toy.db, run)
    assert runs.listed(toy.db) == []
    assert toy.db.execute("SELECT run_id FROM result JOIN run ON run.id = run_id").fetchall()[0][0] == toy.run
    with pytest.raises(UnknownName, match=f"no run {empty}"):
        control.forget(toy.db, empty)


def test_a_runner_leaves_only_when_nothing_is_queued(toy):
    """Invariant: whoever queues while the row is there is seen; a new runner takes the row over."""
    runners.take(toy.db, "host", HERE)
    assert not runners.leave(toy.db)
    runners.beat(toy.db)
    held = runners.holder(toy.db)
    assert held and (held.host, held.pid, held.beat) == ("host", HERE, 1)
    runners.take(toy.db, "host", OTHER)
    control.cancel(toy.db, toy.run, at_work=False)
    assert runners.leave(toy.db) and runners.holder(toy.db) is None


@pytest.mark.processes
def test_a_process_that_ended_does_not_live():
    """Invariant: a pid lives as long as its process."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert control.lives(child.pid)
    child.communicate(b"\n")
    assert not control.lives(child.pid)


def test_what_a_person_asks_for_is_not_held_up_by_what_waits_for_a_checkpoint(toy):
    """Invariant: of what was asked for by hand the first whose checkpoint no other such unit holds comes next, and a
    unit of the sweep gives way to it."""
    sweep = taken(toy)
    first, blocked, other = (
        requests.add_run(toy.db, {"patch": n}, [toy.ids[step]], units.BY_HAND) for n, step in enumerate((10, 10, 20))
    )
    by_hand = units.take_unit(toy.db, "1:cpu", [sweep.checkpoint])
    assert by_hand and (by_hand.run, by_hand.step) == (first, 10) and blocked < other
    assert units.to_give_way(toy.db, [sweep.id, by_hand.id], free=False) == sweep.id
    assert units.to_give_way(toy.db, [sweep.id, by_hand.id], free=True) is None
    assert units.to_give_way(toy.db, [by_hand.id], free=False) is None


def test_a_unit_of_a_forgotten_run_is_not_gone_on_with(toy):
    """Invariant: what was interrupted may be forgotten while its worker has not stopped yet; then it stops."""
    unit = taken(toy)
    control.interrupt(toy.db, toy.run)
    control.forget(toy.db, toy.run)
    assert runs.listed(toy.db) == [] and control.unwanted(toy.db, [unit.id]) == {unit.id}
    control.stopped(toy.db, unit.id)
    assert units.take_unit(toy.db) is None
