"""The store is deleted, moved or replaced while a run goes on: no command reports success, and no file is spoilt."""

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import here
import pytest

from circuit_core.models import checkpoints, suites
from circuit_store import maintenance, results, store
from circuit_sweep.runner import exit_codes

pytestmark = pytest.mark.processes

ALL = [found.step for found in checkpoints.discover(suites.sample_folder() / "sample-0.1m")]
STEPS = ALL[:3]
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
        assert maintenance.faults(db) == []
        return db.execute("SELECT count(*) FROM result").fetchone()[0]


@pytest.mark.parametrize("change", [deleted, moved, replaced])
def test_whoever_follows_reports_no_success(bench, backup, change):
    """Invariant: the runner ends within a poll, the command with 1 and a sentence; what was computed is in the file
    that was the store, and what lies at its path since has its bytes and no log that would spoil it."""
    theirs = backup.read_bytes() if change is replaced else None
    with behind(bench, lambda: change(bench.store, backup)):
        out, err = bench.here(*RUN, "--json", code=1)
    said = exit_codes.sentence(exit_codes.MOVED, bench.store)
    assert said and err.splitlines()[-1] == f"circuit-tui: {said}" and "computed" not in err.replace(said, "")
    assert out == "" and said in bench.log() and "Traceback" not in bench.log()
    assert kept(bench) == PLACE
    assert (bench.store.read_bytes() if bench.store.exists() else None) == theirs
    log = Path(f"{bench.store}-wal")
    assert not log.exists() or log.stat().st_size == 0


def test_a_runner_ends_with_a_code_of_its_own(bench, backup):
    """Invariant: what nobody follows ends as well, says so in its log, and makes no store in place of the other."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("circuit_sweep.runner.launch.start", lambda store, log: None)
        bench.told(*RUN, "--detach")
    with behind(bench, lambda: deleted(bench.store, backup)):
        assert here.run(bench.store, bench.logged) == exit_codes.MOVED
    assert here.run(bench.store, bench.logged) == exit_codes.LOST + sqlite3.SQLITE_CANTOPEN
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


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_at_any_time_a_store_that_goes_is_no_success(bench, backup, seed):
    """Invariant: whenever it goes, a command that has not reported success by then never does; one that has, has left
    all results in the file that was the store. The command stands still meanwhile, so that it is known which it is."""
    chance, theirs = random.Random(seed), backup.read_bytes()
    change, place = chance.choice((deleted, moved, replaced)), chance.randrange(len(ALL) + 1)
    process = bench.start("run", "sample-0.1m", "--analyses", "behaviour,heads")
    bench.until(lambda: bench.store.exists() and bench.tables() and bench.ask("SELECT 1 FROM unit") != [])
    bench.until(lambda: process.poll() is not None or done(bench.store) >= place)
    time.sleep(chance.uniform(0, 0.5))
    said = held_still(bench, process)
    os.link(bench.store, bench.folder / "kept.db")
    change(bench.store, backup)
    process.send_signal(signal.SIGCONT)
    said += process.communicate(timeout=1200)[1]
    bench.until(bench.idle)
    late = "checkpoints computed" in said
    assert process.returncode == (0 if late else 1) and ("deleted, moved or replaced" in said) != late, said
    kept(bench)
    assert not late or done(bench.folder / "alone.db") == len(ALL)
    assert (bench.store.read_bytes() if change is replaced else b"") == (theirs if change is replaced else b"")


def done(path: Path) -> int:
    """Units that are finished."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as db:
        return db.execute("SELECT count(*) FROM unit WHERE state = 'done'").fetchone()[0]


def held_still(bench, process: subprocess.Popen[str]) -> str:
    """Stop a command where it is, if it has not ended. Returns what it has said on stderr by then."""
    process.send_signal(signal.SIGSTOP)
    state = Path(f"/proc/{process.pid}/stat")
    bench.until(lambda: process.poll() is not None or state.read_text().rpartition(")")[2].split()[0] in "TZ")
    assert process.stderr
    os.set_blocking(process.stderr.fileno(), False)
    said = b""
    with suppress(BlockingIOError):
        said = os.read(process.stderr.fileno(), 2**20)
    os.set_blocking(process.stderr.fileno(), True)
    return said.decode()
