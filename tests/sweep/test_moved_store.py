"""The store is deleted, moved or replaced while a run goes on: no command reports success, and no file is spoilt."""

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import here
import pytest

from circuit_core import checkpoints, suites
from circuit_core.sweep import faults
from circuit_store import results, store, upkeep

pytestmark = pytest.mark.processes

STEPS = [found.step for found in checkpoints.discover(suites.sample_folder() / "sample-0.1m")][:3]
RUN = ("run", "sample-0.1m", "--checkpoints", ",".join(map(str, STEPS)), "--analyses", "behaviour")
PLACE = 2
"""Result before which the store goes."""


@pytest.fixture
def backup(bench) -> Path:
    """A store that holds nothing but its tables, to take the place of the bench's."""
    path = bench.folder / "backup.db"
    store.close_writer(store.open_to_write(path))
    return path


def deleted(path: Path, backup: Path) -> None:
    path.unlink()


def moved(path: Path, backup: Path) -> None:
    path.rename(path.with_name("elsewhere.db"))


def replaced(path: Path, backup: Path) -> None:
    backup.rename(path)


@contextmanager
def behind(bench, change: Callable[[], None]) -> Iterator[None]:
    """The store goes before a result is written, and stays in sight as `kept.db`."""
    written, write = 0, results.write

    def writing(db: sqlite3.Connection, *record: Any) -> int:
        nonlocal written
        written += 1
        if written == PLACE:
            os.link(bench.store, bench.folder / "kept.db")
            change()
        return write(db, *record)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(results, "write", writing)
        yield


def kept(bench) -> int:
    """How many results the store has that was in use, by its file alone."""
    alone = shutil.copy(bench.folder / "kept.db", bench.folder / "alone.db")
    with closing(store.open_to_read(Path(alone))) as db:
        assert upkeep.faults(db) == []
        return db.execute("SELECT count(*) FROM result").fetchone()[0]


@pytest.mark.parametrize("change", [deleted, moved, replaced])
def test_whoever_follows_reports_no_success(bench, backup, change):
    """Invariant: the runner ends within a poll, the command with 1 and a sentence; what was computed is in the file
    that was the store, and what lies at its path since has its bytes and no log that would spoil it."""
    theirs = backup.read_bytes() if change is replaced else None
    with behind(bench, lambda: change(bench.store, backup)):
        out, err = bench.here(*RUN, "--json", code=1)
    said = faults.sentence(faults.MOVED, bench.store)
    assert said and err.splitlines()[-1] == f"circuit-tui: {said}" and "computed" not in err.replace(said, "")
    assert out == "" and said in bench.log() and "Traceback" not in bench.log()
    assert kept(bench) == PLACE
    assert (bench.store.read_bytes() if bench.store.exists() else None) == theirs
    log = Path(f"{bench.store}-wal")
    assert not log.exists() or log.stat().st_size == 0


def test_a_runner_ends_with_a_code_of_its_own(bench, backup):
    """Invariant: what nobody follows ends as well, says so in its log, and makes no store in place of the other."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("circuit_core.sweep.launch.start", lambda store, log: None)
        bench.told(*RUN, "--detach")
    with behind(bench, lambda: deleted(bench.store, backup)):
        assert here.run(bench.store, bench.logged) == faults.MOVED
    assert here.run(bench.store, bench.logged) == faults.LOST + sqlite3.SQLITE_CANTOPEN
    assert not bench.store.exists() and "Traceback" not in bench.log()


def test_two_that_follow_one_runner_both_say_so(bench, backup):
    """Invariant: processes of their own: the one that started the runner and one that joined it end with 1, runner and
    worker are gone, and the store that took the place keeps its bytes and opens."""
    first = bench.gated(*RUN)
    second = bench.start(*RUN)
    bench.until(lambda: bench.ask("SELECT count(*) FROM asker") == [(2,)])
    ended = [bench.runner(), *bench.workers()]
    os.link(bench.store, bench.folder / "kept.db")
    theirs = backup.read_bytes()
    replaced(bench.store, backup)
    bench.gate.open()
    for process in (first, second):
        _, err = bench.end(process, 1)
        assert "deleted, moved or replaced" in err and "checkpoints computed" not in err
    bench.until(lambda: not any(os.path.exists(f"/proc/{pid}/fd/0") for pid in ended) and bench.idle())
    assert bench.store.read_bytes() == theirs and kept(bench) >= 1
    bench.told("verify")
