"""Trends are brought up to date series by series, beside the runner's loop, and are those of a refresh of all."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from itertools import count, product
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import recorded
from here import Here, own_signals

from circuit_core.graph import Graph
from circuit_store import models, results, store, trends
from circuit_store.queue import control, requests, runs, units
from circuit_sweep.planning.model_sources import describe
from circuit_sweep.planning.request import Request
from circuit_sweep.planning.slots import Slots
from circuit_sweep.runner import update_trends
from circuit_sweep.runner.runner import Runner
from circuit_sweep.runner.settling import Settling

GRAPH, STEPS = Graph(2, 3, True), (0, 1, 1000, 2000, 3000, 4000, 5000, 6000)
WEIGHTS = {step: f"f{step}" for step in STEPS} | {3000: "f4000"}
"""Two checkpoints are equal: the later is kept."""
LOSES, GAINS, STAYS = [0, 0, 0.9, 0.9, 0.9, 0.1, 0, 0], [0, 0, 0, 0, 0, 0.7, 0.8, 0.8], [0.2, 0.1, 0, 0.5, 1, 1, 1, 1]
ROLES = (("induction", None), ("previous_token", None), ("name_mover", "ioi"), ("name_mover", "pairs"))
TASKS = ("ioi", "pairs")
EDGES = ("input->a0.h0<v>", "a0.h0->a1.h1<q>", "a0.h1->a1.h2<k>", "a1.h1->logits", "input->a0.h1<q>", "a0.h1->logits")
READS = {
    "SELECT layer << 16 | head, value FROM head_score": "heads",
    "SELECT value, stderr_plain FROM behaviour": "behaviour",
    "SELECT port * ": "circuit",
}


TABLES = ("emergence", "handoff", *trends.FURTHER, "size_correlation")


class Trained:
    """Model `toy` with checkpoints at `STEPS`, and what may come of each: a part is a step, an analysis, its role and
    its task."""

    OF_STEP: ClassVar[list[tuple[str, str | None, str | None]]] = [
        *(("behaviour", None, task) for task in TASKS),
        *(("circuit", None, task) for task in TASKS),
        *(("heads", role, task) for role, task in ROLES),
    ]
    PARTS: ClassVar = [(step, *of) for step, of in product(STEPS, OF_STEP)]

    def __init__(self, path: Path) -> None:
        self.path, self.db = path, store.open_to_write(path)
        model = models.Model("toy", "folder", "models/toy", 1000, 2, 3, 8, True, tokens_per_step=100)
        self.ids = models.add_model(self.db, model, [models.CheckpointRecord(s, 10 * s, f"step{s}") for s in STEPS])
        self.run = requests.add_run(self.db, {"models": ["toy"]}, list(self.ids.values()))

    def write(self, step: int, analysis: str, role: str | None, on: str | None) -> None:
        models.checkpoint_loaded(self.db, self.ids[step], "ok", WEIGHTS[step])
        task = results.TaskRecord(on, f"hash of {on}", "logit_diff", False) if on else None
        fields = self.run, self.ids[step], analysis, {}, "", WEIGHTS[step], "float32", 0.1, role, task
        of = results.Provenance(f"{step} {analysis} {role} {on}", *fields)
        results.write(self.db, of, self.found(STEPS.index(step), analysis))

    def copy(self, name: str) -> Path:
        with closing(sqlite3.connect(self.path.with_name(name))) as new:
            self.db.backup(new)
        return self.path.with_name(name)

    def found(self, place: int, analysis: str) -> results.Record:
        if analysis == "behaviour":
            numbers = {"value": place / 4 - 0.1, "stderr": 0.1, "stderr_plain": 0.1, "n_examples": 70, "accuracy": 0.5}
            return results.Record((results.TableRows.of("behaviour", numbers),))
        if analysis == "heads":
            curves = {(0, 0): LOSES, (1, 1): GAINS, (1, 2): STAYS}
            return recorded.head_scores([(*head, curve[place], None, None) for head, curve in curves.items()])
        edges = [(*GRAPH.edge(name), 1.0) for name in EDGES[: place + 1]]
        point = recorded.point(len(edges), len(edges), 3, 1.0, 0.9, 0.95)
        shape, clean = GRAPH.real.shape, {"metric_clean": 1.1, "metric_corrupted": -1.0}
        more = {"threshold_reached": place > 1, "reason": None, "nodes": [], "curve": [point]}
        return recorded.circuit(point, GRAPH.n_edges, edges, shape, np.zeros(shape, "f4"), **clean, **more)

    def through(self) -> "Trained":
        """All units are done, and the run is not settled."""
        for part in self.PARTS:
            self.write(*part)
        while unit := units.take_unit(self.db):
            unit.finish("done", 1.0)
        return self

    def rows(self) -> list[list[tuple]]:
        """Of the tables of trends, every column."""
        return [list(map(tuple, self.db.execute(f"SELECT * FROM {table} ORDER BY 1"))) for table in TABLES]

    def anew(self) -> list[list[tuple]]:
        """The rows of a refresh that finds none."""
        for table in (*TABLES, "circuit_members"):
            self.db.execute(f"DELETE FROM {table}")
        update_trends.refresh(self.db, "toy")
        return self.rows()

    def read(self) -> dict[str, int]:
        """How many results of each analysis a refresh reads."""
        said: list[str] = []
        self.db.set_trace_callback(said.append)
        update_trends.refresh(self.db, "toy")
        self.db.set_trace_callback(None)
        return Counter(of for text in said for begins, of in READS.items() if text.startswith(begins))


@pytest.fixture
def trained(tmp_path):
    made = Trained(tmp_path / "store.db")
    yield made
    made.db.close()


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3))
def test_in_whatever_order_results_come_the_trends_are_the_same(trained, seed):
    """Invariant: after each result of each checkpoint the rows are those of a refresh that finds none, byte for byte;
    in the end they are the same in every order."""
    parts = random.Random(seed).sample(Trained.PARTS, len(Trained.PARTS))
    for number, part in enumerate(parts):
        trained.write(*part)
        update_trends.refresh(trained.db, "toy")
        if number % 8 == 7:
            assert trained.rows() == trained.anew()
    emergences, passed, *further = trained.rows()
    kinds = Counter((kind, name, task) for _, _, kind, name, task, *_ in emergences)
    assert {(kind, name, task): n for (kind, name, task), n in kinds.items() if name == "name_mover"} == {
        (kind, "name_mover", task): n
        for task in TASKS
        for kind, n in (("role", 1), ("role_in_circuit", 1), ("head", 3), ("figure_2_head", 1), ("top_head", 2))
    }
    assert len(passed) == len(ROLES)
    assert {row[-2] for row in emergences} == {len(Trained.PARTS)} == {row[-1] for row in passed}


def test_a_series_that_nothing_changed_is_not_read(trained):
    """Invariant: a result is read where it, or another of its series, is new; a checkpoint that comes or turns out to
    equal another changes every series of the model. The edges of a circuit are read once, and kept packed."""
    n = len(STEPS)
    for part in Trained.PARTS[:-8]:
        trained.write(*part)
    trained.db.execute("UPDATE checkpoint SET status = 'ok', fingerprint = 'f6000' WHERE step = 6000")
    kept = n - 2  # without the last, of which nothing is computed yet, and the equal one
    assert trained.read() == {"heads": 4 * kept, "behaviour": 2 * (n - 1), "circuit": 2 * kept}
    assert trained.read() == {}
    for task in TASKS:
        trained.write(6000, "behaviour", None, task)
        assert trained.read() == {"behaviour": n}
    trained.write(6000, "heads", "induction", None)
    assert trained.read() == {"heads": kept + 1}
    trained.write(6000, "circuit", None, "pairs")
    assert trained.read() == {"heads": kept, "circuit": 1}
    models.checkpoint_loaded(trained.db, trained.ids[1000], "ok", "f0")
    assert set(trained.read()) == {"heads", "behaviour"} and trained.rows() == trained.anew()


def test_what_replaces_the_newest_result_is_newer(trained):
    """Invariant: trends of what was there before are stale, and are computed anew."""
    trained.write(*Trained.PARTS[0])
    update_trends.refresh(trained.db, "toy")
    trained.write(*Trained.PARTS[0])
    stale = "SELECT DISTINCT stale FROM emergence_of"
    assert trained.db.execute(stale).fetchall()[0][0] == 1
    assert trained.read() == {"behaviour": 1} and trained.db.execute(stale).fetchall()[0][0] == 0


KILLED = """
import os, signal, sys
from pathlib import Path
from circuit_sweep.runner import settling
from circuit_store.store import open_to_write

path, begins, left = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])

def opened(store, make):
    db = open_to_write(store, make)
    db.set_trace_callback(said)
    return db

def said(statement):
    global left
    left -= statement.startswith(begins)
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)

settling.open_to_write = opened
settling.Settling(open_to_write(path), path).finish()
"""


@pytest.mark.processes
@pytest.mark.parametrize("at, number", [(next(iter(READS)), 9), ("INSERT INTO emergence", 7)])
def test_trends_that_a_dead_runner_left_are_computed_by_the_next(trained, at, number):
    """Invariant: killed while it reads or while it writes, a runner leaves the rows of before and its run open; the
    next one's trends are whole, and settle the run."""
    trained.write(*Trained.PARTS[0])
    update_trends.refresh(trained.db, "toy")
    before = trained.through().rows()
    died = subprocess.run([sys.executable, "-c", KILLED, trained.path, at, str(number)], capture_output=True)
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert trained.rows() == before and runs.run_state(trained.db, trained.run) == "running"
    Settling(trained.db, trained.path).finish()
    assert runs.run_state(trained.db, trained.run) == "done"
    assert trained.rows() == trained.anew() != before


@pytest.mark.slow
def test_twenty_kills_of_a_refresh_lose_nothing(trained):
    """Invariant: wherever a refresh dies, the trends are those of before, or of after if it had come to its end; the
    next refresh leaves the store that one would have."""
    trained.write(*Trained.PARTS[0])
    update_trends.refresh(trained.db, "toy")
    trained.through()
    whole, statements, died = trained.copy("whole.db"), list[str](), list[bool]()
    refreshed(whole, statements.append)
    before, after = dumped(trained.path), dumped(whole)
    for place in range(20):
        part = trained.copy(f"part{place}.db")
        assert killed(part, 1 + (len(statements) - 1) * place // 19)
        died.append((found := dumped(part)) == before)
        assert died[-1] or found == after
        refreshed(part)
        assert dumped(part) == after != before
    assert sum(died) > 10


def refreshed(path: Path, watch: Callable[[str], None] | None = None) -> None:
    with closing(store.open_to_write(path)) as db:
        db.set_trace_callback(watch)
        update_trends.refresh(db, "toy")


def killed(path: Path, at: int) -> bool:
    """A refresh in a process of its own that dies before a certain statement."""
    child = os.fork()
    if child == 0:
        numbers = count(1)
        try:
            refreshed(path, lambda _: os.kill(os.getpid(), signal.SIGKILL) if next(numbers) == at else None)
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def dumped(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as db:
        return list(db.iterdump())


def test_a_cancelled_run_whose_unit_a_dead_runner_left_has_its_trends(trained):
    """Invariant: what it has computed is in the trends, though a unit of it was under way still."""
    trained.write(*Trained.PARTS[0])
    assert units.take_unit(trained.db)
    control.cancel(trained.db, trained.run, at_work=True)
    units.requeue_orphans(trained.db)
    Settling(trained.db, trained.path).finish()
    assert runs.run_state(trained.db, trained.run) == "cancelled" and trained.rows()[0]


def test_a_fault_of_the_store_ends_the_settling_and_another_only_the_trends(trained, monkeypatch):
    """Invariant: the run stays open where the store cannot be used, and is settled where a model's trends fail."""
    trained.through()

    def fails(error: Exception) -> None:
        monkeypatch.setattr(update_trends, "refresh", lambda db, model: (_ for _ in ()).throw(error))

    fails(sqlite3.OperationalError("disk I/O error"))
    with pytest.raises(sqlite3.OperationalError):
        Settling(trained.db, trained.path).finish()
    assert runs.run_state(trained.db, trained.run) == "running"
    fails(TypeError("not a number"))
    Settling(trained.db, trained.path).finish()
    assert runs.run_state(trained.db, trained.run) == "done"


def test_the_runner_hears_workers_while_trends_are_computed(tmp_path, monkeypatch):
    """Invariant: the trends of one run wait for a result of the next; that comes, and until they are there the first
    run is open."""
    path, heard = tmp_path / "x.db", threading.Event()
    seen: list[tuple[bool, str]] = []

    def wrote(write: Callable[..., int]) -> Callable[..., int]:
        def writing(db: sqlite3.Connection, of: results.Provenance, found: results.Record) -> int:
            number = write(db, of, found)
            if of.run == 2:
                heard.set()
            return number

        return writing

    def refreshed(refresh: Callable[..., None]) -> Callable[..., None]:
        def refreshing(db: sqlite3.Connection, model: str) -> None:
            beside = threading.current_thread() is not threading.main_thread()
            if beside:
                heard.wait()
            seen.append((beside, runs.run_state(db, 1)))
            refresh(db, model)

        return refreshing

    monkeypatch.setattr(results, "write", wrote(results.write))
    monkeypatch.setattr(update_trends, "refresh", refreshed(update_trends.refresh))
    with closing(store.open_to_write(path)) as db, own_signals():
        model, found = describe(db, "sample-0.1m")
        steps = [models.CheckpointRecord(f.step, None, f.revision) for f in found[-2:]]
        for task, at in zip(("ioi", "greater_than"), models.add_model(db, model, steps).values(), strict=True):
            requests.add_run(db, vars(Request(tasks=(task,), analyses=("behaviour",), device="cpu")), [at])
        Runner(db, path, Here(Slots(device="cpu")), None).work()
        assert seen[0] == (True, "running") and heard.is_set()
        assert [runs.run_state(db, run) for run in (1, 2)] == ["done", "done"]
        assert {row[0] for row in db.execute("SELECT stale FROM emergence_of")} == {0}
