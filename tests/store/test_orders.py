"""Every order of cancel, interrupt, resume and retry, while a unit is under way: what was said last holds."""

from collections.abc import Iterable
from contextlib import closing, contextmanager
from itertools import product

import pytest

from circuit_store import store
from circuit_store.queue import control, requests, runs, units

HERE = 1
SAID = ("cancel", "interrupt", "resume", "retry")
COMPUTED = ("notice", "end")
"""The runner looks at the queue, and what is under way ends: by itself, or because it was told to."""


class Computing:
    """A run of three units: the first has failed, the second is under way, the third waits."""

    def __init__(self, toy, at_work: bool):
        self.db, self.run, self.at_work = toy.db, toy.run, at_work
        self.now, self.told, self.computed = self.take(), False, False
        self.now.finish("failed", 1.0, "broken")
        self.now = self.take()

    def take(self) -> units.Unit:
        unit = units.take_unit(self.db)
        assert unit is not None
        return unit

    def does(self, what: str) -> None:
        if what == "cancel":
            control.cancel(self.db, self.run, self.at_work)
        elif what == "interrupt":
            control.interrupt(self.db, self.run)
        elif what in SAID:
            control.go_on(self.db, self.run, what == "retry")
        elif self.computed:
            return
        elif what == "notice":
            self.told = self.told or bool(control.unwanted(self.db, [self.now.id]))
        else:
            self.end()

    def end(self) -> None:
        """As a runner's `UnderWay` does."""
        if self.told:
            control.stopped(self.db, self.now.id)
        else:
            self.now.finish("done", 1.0)
        self.computed = True
        requests.close_runs(self.db)

    def through(self) -> tuple[str, list[str]]:
        """Compute all that is queued; the states of the run and its units."""
        while unit := units.take_unit(self.db):
            unit.finish("done", 1.0)
        requests.close_runs(self.db)
        found = self.db.execute("SELECT state FROM unit WHERE run_id = ? ORDER BY id", (self.run,))
        return runs.run_state(self.db, self.run), [row[0] for row in found]


def expected(said: Iterable[str], second_done: bool) -> tuple[str, list[str]]:
    """By what was said alone: the last word holds, but an interruption leaves what is cancelled cancelled."""
    state, retried = "done", False
    for what in said:
        if what in ("resume", "retry"):
            state, retried = "done", retried or what == "retry"
        elif what == "cancel" or state == "done":
            state = {"cancel": "cancelled", "interrupt": "interrupted"}[what]
    first = state if retried else "failed"
    return "failed" if (state, retried) == ("done", False) else state, [first, "done" if second_done else state, state]


@contextmanager
def undone(db):
    """What is done within leaves the store as it was."""
    db.execute("BEGIN")
    yield
    db.execute("ROLLBACK")


@pytest.mark.parametrize("length", [1, 2, 3, 4])
def test_the_last_word_holds(toy, length):
    """Invariant: whenever the runner looks, and whenever the unit under way ends, each unit ends as the last word says;
    none is lost, and no run is settled with an interrupted unit."""
    for order in product(SAID + COMPUTED, repeat=length):
        with undone(toy.db):
            run = Computing(toy, at_work=True)
            for what in (*order, "notice", "end"):
                run.does(what)
            said = [what for what in order if what in SAID]
            assert run.through() == expected(said, not run.told), order


@pytest.mark.parametrize("at_work", [False, True], ids=["known", "not known"])
@pytest.mark.parametrize("length", [1, 2, 3, 4])
def test_the_last_word_holds_when_the_runner_is_dead(toy, length, at_work):
    """Invariant: the same for what a dead runner left under way, once the next has come; also if it was believed to
    live when something was said."""
    for order in product(SAID, repeat=length):
        with undone(toy.db):
            run = Computing(toy, at_work)
            for what in order:
                run.does(what)
            units.requeue_orphans(toy.db)
            requests.close_runs(toy.db)
            assert run.through() == expected(order, False), order


@pytest.mark.parametrize("state", ["done", "failed"])
def test_an_interrupted_run_whose_last_unit_ends_by_itself_is_settled(toy, state):
    """Invariant: the runner may hear of an interruption too late; a run of which nothing is left waits for nobody."""
    toy.db.execute("DELETE FROM unit WHERE checkpoint_id != ?", (toy.ids[0],))
    unit = units.take_unit(toy.db)
    assert unit is not None
    control.interrupt(toy.db, toy.run)
    assert runs.run_state(toy.db, toy.run) == "interrupted"
    unit.finish(state, 1.0)
    control.interrupt(toy.db, toy.run)
    assert requests.finished_runs(toy.db) == [toy.run]
    requests.close_runs(toy.db)
    (row,) = runs.listed(toy.db)
    assert (row["state"], row["reason"]) == (state, None)


def test_withdrawing_is_one_step(toy):
    """Invariant: nobody can ask for a run between a withdrawal that saw no other and the interruption."""
    control.ask(toy.db, toy.run, HERE)
    begun = []
    with closing(store.open_to_write(toy.path)) as other:

        def asks_in_between(statement: str) -> None:
            if statement.startswith("BEGIN"):
                begun.append(statement)
                if len(begun) == 2:
                    control.ask(other, toy.run, control.DETACHED)

        toy.db.set_trace_callback(asks_in_between)
        assert control.withdraw(toy.db, toy.run, HERE)
        assert other.execute("SELECT count(*) FROM asker").fetchone()[0] == 0
    assert len(begun) == 1 and runs.run_state(toy.db, toy.run) == "interrupted"
