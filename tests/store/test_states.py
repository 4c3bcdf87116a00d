"""What may become of runs and units: whatever is done to a queue, in whatever order, only what the tables allow."""

import re
import shutil
from contextlib import suppress
from itertools import product
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from circuit_store import models, results, store
from circuit_store.errors import UnknownName
from circuit_store.queue import control, requests, states, units
from circuit_store.queue.states import RUN_TRANSITIONS, UNIT_TRANSITIONS, RunState, UnitState, move

HERE = 1
TABLES = {"run": RUN_TRANSITIONS, "unit": UNIT_TRANSITIONS}
INCONSISTENT = {
    "a unit that is queued": "unit.state = 'queued' AND run.state NOT IN ('queued', 'running', 'cancelling')",
    "a unit under way": "unit.state IN ('loading', 'running') AND run.state NOT IN ('running', 'cancelling')",
    "an interrupted unit": "unit.state = 'interrupted' AND run.state != 'interrupted'",
    "a cancelled unit": "unit.state = 'cancelled' AND run.state NOT IN ('cancelling', 'cancelled')",
    "a run that is done": "run.state = 'done' AND unit.state != 'done'",
    "a run that failed": "run.state = 'failed' AND unit.state NOT IN ('done', 'failed')",
    "a cancelled run": "run.state = 'cancelled' AND unit.state NOT IN ('done', 'failed', 'cancelled')",
    "an interrupted run": "run.state = 'interrupted' AND unit.state IN ('queued', 'loading', 'running')",
}
"""What the docstring of `states` excludes."""
WATCH = """
    CREATE TEMP TABLE seen (what, before, after);
    CREATE TEMP TRIGGER run_moves AFTER UPDATE OF state ON run BEGIN
        INSERT INTO seen VALUES ('run', old.state, new.state); END;
    CREATE TEMP TRIGGER unit_moves AFTER UPDATE OF state ON unit BEGIN
        INSERT INTO seen VALUES ('unit', old.state, new.state); END;
    CREATE TEMP TRIGGER run_comes AFTER INSERT ON run BEGIN
        INSERT INTO seen VALUES ('run', NULL, new.state); END;
    CREATE TEMP TRIGGER unit_comes AFTER INSERT ON unit BEGIN
        INSERT INTO seen VALUES ('unit', NULL, new.state); END;
"""


class Queue:
    """Three checkpoints, two requests for some of them, and a runner of two workers, which dies now and then.

    Each operation takes a number that chooses of what there is.
    """

    def __init__(self, path: Path):
        self.db = store.open_to_write(path)
        steps = [models.CheckpointRecord(step, None, "") for step in range(3)]
        model = models.Model("toy", "folder", "toy", 1, 1, 1, 1, True)
        self.checkpoints = list(models.add_model(self.db, model, steps).values())
        self.at_work: list[units.Unit] = []
        """What workers have not ended."""
        self.told: set[int] = set()
        """Units of these that are to stop."""
        self.weights = 0
        for checkpoint in self.checkpoints:
            models.holds(self.db, checkpoint, "")
        self.db.executescript(WATCH)

    def request(self, n: int) -> None:
        chosen = [checkpoint for place, checkpoint in enumerate(self.checkpoints) if n >> place & 1]
        asked = {"models": ["ab"[n % 2]]}
        control.ask(self.db, requests.add_run(self.db, asked, chosen, priority=n % 3), HERE)

    def take(self, n: int) -> None:
        unit = units.take_unit(self.db, "0:cpu", [unit.checkpoint for unit in self.at_work])
        self.at_work += [unit] if unit else []

    def begin(self, n: int) -> None:
        for unit in self.at_work[n % 2 :]:
            unit.doing("circuit", 0.5)

    def finish(self, n: int) -> None:
        for unit in self.ended(n):
            unit.finish("done", 1.0)

    def fail(self, n: int) -> None:
        for unit in self.ended(n):
            unit.finish("failed", 1.0, "broken")

    def crash(self, n: int) -> None:
        for unit in self.ended(n):
            unit.crashed(1.0, "killed")

    def give_way(self, n: int) -> None:
        for unit in self.ended(n):
            unit.put_back(1.0)

    def notice(self, n: int) -> None:
        """The runner looks which units are not wanted; what it has told so before has stopped meanwhile."""
        for unit in self.told:
            control.stopped(self.db, unit)
        self.at_work = [unit for unit in self.at_work if unit.id not in self.told]
        self.told = control.unwanted(self.db, [unit.id for unit in self.at_work])

    def die(self, n: int) -> None:
        """And the next runner comes, which knows only what the store says."""
        self.at_work, self.told = [], set()
        units.requeue_orphans(self.db)

    def load(self, n: int) -> None:
        """Other weights than at any time before lie there."""
        self.weights += 1
        models.holds(self.db, self.checkpoints[n % 3], f"{self.weights}")

    def cancel(self, n: int) -> None:
        for run in self.chosen(n):
            control.cancel(self.db, run, at_work=n % 3 > 0)

    def interrupt(self, n: int) -> None:
        for run in self.chosen(n):
            control.interrupt(self.db, run)

    def withdraw(self, n: int) -> None:
        for run in self.chosen(n):
            control.withdraw(self.db, run, HERE)

    def resume(self, n: int) -> None:
        for run in self.chosen(n):
            control.go_on(self.db, run)

    def retry(self, n: int) -> None:
        for run in self.chosen(n):
            control.go_on(self.db, run, failed=True)

    def forget(self, n: int) -> None:
        """With a result of it a run is hidden, without one it is deleted."""
        for run in self.chosen(n):
            if n % 3:
                at = str(run), run, self.checkpoints[0], "behaviour", {}, "x", None, "float32", 1.0
                results.write(self.db, results.Provenance(*at), results.Undefined("nothing"))
            with suppress(UnknownName):
                control.forget(self.db, run)

    def settle(self, n: int) -> None:
        requests.close_runs(self.db)

    def chosen(self, n: int) -> list[int]:
        """A run, mostly one of the latest two."""
        runs = [row[0] for row in self.db.execute("SELECT id FROM run ORDER BY id DESC")]
        return runs[n % 2 :][:1] if n % 5 else runs[-1:]

    def ended(self, n: int) -> list[units.Unit]:
        """A unit at work, which is so no more; the runner settles what is through at its next operation."""
        gone = self.at_work[n % 2 :][:1]
        self.at_work = [unit for unit in self.at_work if unit not in gone]
        self.told -= {unit.id for unit in gone}
        return gone

    def moves(self) -> set[tuple[str, str | None, str]]:
        """(table, state before, state after) of all since the last look; None before it was there."""
        found = {tuple(row) for row in self.db.execute("SELECT * FROM seen")}
        self.db.execute("DELETE FROM seen")
        return found

    def go_on_to_the_end(self) -> None:
        self.die(0)
        while unit := units.take_unit(self.db):
            unit.finish("done", 1.0)
        requests.close_runs(self.db)

    def check(self) -> None:
        for what, before, after in self.moves():
            assert after == "queued" if before is None else after in TABLES[what][before], (what, before, after)
        for what, wrong in INCONSISTENT.items():
            found = self.db.execute(f"SELECT unit.state, run.state FROM unit JOIN run ON run.id = run_id WHERE {wrong}")
            assert not list(map(tuple, found)), what
        failed = "SELECT 1 FROM unit WHERE run_id = run.id AND state = 'failed'"
        assert not self.db.execute(f"SELECT 1 FROM run WHERE state = 'failed' AND NOT EXISTS ({failed})").fetchone()


_OF_THE_RUNNER = (Queue.take, Queue.begin, Queue.finish, Queue.fail, Queue.crash, Queue.give_way, Queue.notice)
_OF_A_PERSON = (Queue.cancel, Queue.interrupt, Queue.resume, Queue.retry, Queue.request)
_RARE = (Queue.withdraw, Queue.forget, Queue.die, Queue.load, Queue.settle)
_AT_ONCE = tuple(product((Queue.cancel, Queue.interrupt, Queue.fail), (Queue.resume, Queue.retry, Queue.finish)))
"""Before the runner sees anything of it."""
_STOPPED = ((Queue.take, said, Queue.notice, Queue.notice) for said in (Queue.cancel, Queue.interrupt))
OPERATIONS = st.one_of(
    *(st.sampled_from([(one,) for one in some]) for some in (_OF_THE_RUNNER, _OF_A_PERSON, _RARE)),
    st.just((Queue.take, Queue.begin)),
    st.sampled_from((*_AT_ONCE, *_STOPPED)),
)


@given(said=st.lists(st.tuples(OPERATIONS, st.integers(0, 11)), min_size=20, max_size=60))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_only_what_the_tables_allow_happens(empty_store, path, said):
    """Invariant: whatever is done in whatever order, each change is in its table, and runs agree with their units; a
    runner that goes on to the end leaves no run open, so that whoever waits for one hears of it."""
    queue = Queue(Path(shutil.copy(empty_store, path)))
    queue.request(7)
    for operations, n in said:
        for operation in operations:
            operation(queue, n)
            queue.check()
    queue.go_on_to_the_end()
    queue.check()
    left = queue.db.execute("SELECT state FROM run WHERE state NOT IN ('done', 'failed', 'cancelled')").fetchall()
    assert {row[0] for row in left} <= {"interrupted"}
    store.close_writer(queue.db)


@pytest.mark.parametrize("of", [RunState, UnitState])
def test_what_the_table_does_not_allow_changes_nothing(toy, of):
    """Invariant: `move` changes a row if and only if the table has the change; all states are in it."""
    table = {RunState: "run", UnitState: "unit"}[of]
    assert set(TABLES[table]) == set(of)
    for before, after in product(of, repeat=2):
        toy.db.execute(f"UPDATE {table} SET state = ? WHERE id = 1", (before,))
        moved = move(toy.db, after, "id = :row", row=1)
        (found,) = toy.db.execute(f"SELECT state FROM {table} WHERE id = 1").fetchone()
        assert (moved, found) == ((1, after) if after in TABLES[table][before] else (0, before))


@pytest.mark.parametrize("of", [RunState, UnitState])
def test_the_drawings_show_the_tables(of):
    """Invariant: a place of the drawing is empty (`.`) if and only if the table has no such change."""
    drawn = [re.split(r"\s{2,}", line.strip()) for line in re.findall(r"^ {4}.*", states.__doc__ or "", re.MULTILINE)]
    begins = next(
        place for place, row in enumerate(drawn) if ("loading" in row) == (of is UnitState) and "." not in row
    )
    above, *rows = drawn[begins : begins + 1 + len(of)]
    shown = {of(row[0]): zip(above, row[1:], strict=True) for row in rows}
    allowed = {
        before: frozenset(of(after) for names, cell in cells if cell != "." for after in names.split(", "))
        for before, cells in shown.items()
    }
    assert allowed == TABLES[{RunState: "run", UnitState: "unit"}[of]]


def test_the_same_words_are_shown_as_before():
    """Invariant: states are words of views, JSON and the explorer; there, too, they sort by them."""
    assert [str(state) for state in UnitState] == "queued loading running done failed cancelled interrupted".split()
    assert {str(state) for state in RunState} == {
        *("queued", "running", "cancelling", "interrupted", "done", "failed", "cancelled")
    }
