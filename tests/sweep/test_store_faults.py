"""What goes wrong around a sweep: outcome and message of rows of docs/faults.md; nothing that is finished is lost.

One thing is changed before the runner starts.
"""

import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import here
import pytest

from circuit_core.models import checkpoints, suites
from circuit_store import results, store
from circuit_store.queue import requests, runners, units
from circuit_sweep.planning.slots import Slots
from circuit_sweep.runner import exit_codes, launch, lock, unit_lifecycle

pytestmark = pytest.mark.processes

ALL = [found.step for found in checkpoints.discover(suites.sample_folder() / "sample-0.1m")]
STEPS = ALL[:3]
RUN = ("sample-0.1m", "--checkpoints", ",".join(map(str, STEPS)), "--analyses", "behaviour,heads")


def full(db: sqlite3.Connection) -> None:
    db.execute(f"PRAGMA max_page_count={db.execute('PRAGMA page_count').fetchone()[0]}")


def read_only(db: sqlite3.Connection) -> None:
    db.execute("PRAGMA query_only=ON")


def locked(db: sqlite3.Connection) -> sqlite3.Connection:
    """Returns who holds it."""
    db.execute("PRAGMA busy_timeout=200")
    other = sqlite3.connect(db.execute("PRAGMA database_list").fetchone()["file"], isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    return other


FAULTS = {full: sqlite3.SQLITE_FULL, read_only: sqlite3.SQLITE_READONLY, locked: sqlite3.SQLITE_BUSY}
DOCS = (Path(__file__).parents[2] / "docs" / "faults.md").read_text()


def queue(bench, *run: str) -> None:
    """Queue a run without a runner."""
    unattended(bench, "run", *run, "--detach")


def unattended(bench, *command: str) -> None:
    """A command that would start a runner, and does not."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(launch, "start", lambda store, log: None)
        bench.told(*command)


def disturbed(bench, change: Callable[[sqlite3.Connection], sqlite3.Connection | None]) -> int:
    """The exit code of a runner in which something changes at its twelfth result."""
    written, write, others = 0, results.write, []

    def writing(db: sqlite3.Connection, *record: Any) -> int:
        nonlocal written
        written += 1
        if written == 12:
            others.append(change(db))
        return write(db, *record)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(results, "write", writing)
        code = here.run(bench.store, bench.logged)
    for other in filter(None, others):
        other.close()
    return code


def test_a_store_that_takes_no_more_ends_the_runner_and_loses_nothing(bench):
    """Invariant: the runner ends with the fault's own code, finished results stay, `jobs resume` does the rest; what
    it starts may meet another fault."""
    queue(bench, *RUN[:2], ",".join(map(str, ALL[:5])), *RUN[3:])
    before = []
    for change, fault in FAULTS.items():
        if before:
            unattended(bench, "jobs", "resume")
        code = disturbed(bench, change)
        said = exit_codes.sentence(code, bench.store)
        assert code == exit_codes.LOST + fault, bench.log()
        assert said and said in bench.log() and "Traceback" not in bench.log()
        assert said.replace(str(bench.store), "FILE") in DOCS
        earlier, before = before, bench.results()
        assert before[: len(earlier)] == earlier and len(before) >= len(earlier) + 11
        bench.told("verify")
    bench.here("jobs", "resume")
    assert bench.ask("SELECT state FROM run") == [("done",)]
    assert bench.results()[: len(before)] == before and {u[0] for u in bench.units().values()} == {"done"}


def test_the_foreground_says_what_the_runner_ended_with(bench, tmp_path):
    """Invariant: whoever started the runner names the store's fault in one sentence and ends with 1."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "if 'circuit_sweep' in sys.orig_argv:\n"
        "    from circuit_store.queue import units; import sqlite3\n"
        "    def full(db):\n"
        "        db.execute('PRAGMA max_page_count=1'); db.execute('CREATE TABLE filler (x)')\n"
        "    units.requeue_orphans = full\n"
    )
    bench.env["PYTHONPATH"] = f"{tmp_path}:{bench.env.get('PYTHONPATH', '')}"
    _, err = bench("run", *RUN, code=1)
    assert exit_codes.sentence(exit_codes.LOST + sqlite3.SQLITE_FULL, bench.store) in err


def test_a_checkpoint_that_is_deleted_fails_alone(bench, copied):
    """Invariant: what was planned and is gone when its turn comes is recorded; the rest is computed."""
    folder = copied("pruned", *STEPS)
    queue(bench, str(folder), "--analyses", "behaviour")
    shutil.rmtree(folder / f"step{STEPS[1]}")
    bench.here("jobs", "resume")
    assert bench.ask("SELECT state FROM run") == [("failed",)]
    assert [u[0] for u in bench.units().values()] == ["done", "failed", "done"]
    ((error,),) = bench.ask("SELECT error FROM unit WHERE state = 'failed'")
    assert "has no weights" in error and "has no weights" in DOCS


def test_a_clock_that_jumps_changes_no_duration(bench, monkeypatch):
    """Invariant: with a wall clock that falls by an hour at every look, seconds are what they were."""
    queue(bench, *RUN)
    hours = iter(range(10**6))
    monkeypatch.setattr(lock, "BEAT", 0.1)
    for module in (requests, units, runners):
        monkeypatch.setattr(
            module, "now", lambda: (datetime.now(UTC) - timedelta(hours=next(hours))).isoformat(timespec="seconds")
        )
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: -3600.0 * next(hours))
        assert here.run(bench.store, bench.logged) == exit_codes.DONE
    assert [u[:2] for u in bench.units().values()] == [("done", 1)] * 3
    assert all(0 < seconds < 3600 for _, _, seconds in bench.units().values())
    assert bench.ask("SELECT started > ended FROM run") == [(1,)]


WITHOUT_RAY = """
import sys; sys.modules["ray"] = None
from pathlib import Path; from circuit_sweep.runner import process; sys.exit(process.run(Path(sys.argv[1])))
"""


def test_without_ray_what_asks_for_it_waits(bench):
    """Invariant: a store that asks for Ray, on a box without it, loses nothing; the log says what to do."""
    queue(bench, *RUN)
    with closing(sqlite3.connect(bench.store)) as db, db:
        db.execute("UPDATE run SET slots = json_set(coalesce(slots, '{}'), '$.engine', 'ray')")
    command = [sys.executable, "-P", "-c", WITHOUT_RAY, str(bench.store)]
    ended = subprocess.run(command, env=bench.env, capture_output=True, text=True, timeout=1200)
    said = exit_codes.sentence(ended.returncode, bench.store)
    assert ended.returncode == exit_codes.NO_ENGINE and "circuit-tui[ray]" in ended.stderr, ended.stderr
    assert said and said.replace(str(bench.store), "FILE") in DOCS and "Traceback" not in ended.stderr
    assert [u[:2] for u in bench.units().values()] == [("queued", 0)] * 3 and bench.idle()


def test_after_a_crash_half_the_batch_is_tried_once(bench):
    """Invariant: the second attempt has half the batch, and there is no third."""
    queue(bench, *RUN)
    with closing(store.open_to_write(bench.store)) as db:
        for batch, again in ((1.0, True), (0.5, False)):
            unit = units.take_unit(db)
            assert unit and unit.step == STEPS[0]
            order = unit_lifecycle.RunningUnit(db, bench.store, unit).order(Slots("cpu").slots()[0], None)
            assert order and order.batch == batch
            assert unit.crashed(1.0, "killed") is again
    assert bench.units()[STEPS[0]][:2] == ("failed", 2)


def test_a_second_host_is_refused_on_a_shared_file_system(bench, monkeypatch):
    """Invariant: while another host's beat rises nothing is started here; one whose beat stands is dead."""
    from circuit_store import filesystem
    from circuit_sweep.runner import process

    queue(bench, *RUN)
    monkeypatch.setattr(filesystem, "shared", lambda path: True)
    with closing(store.open_to_write(bench.store)) as db:
        runners.take(db, "elsewhere", 1)
        monkeypatch.setattr(lock.time, "sleep", lambda seconds: runners.beat(db))
        assert process.run_alone(bench.store, None, process.EndSignal()) == exit_codes.REFUSED
        monkeypatch.setattr(lock.time, "sleep", lambda seconds: None)
        assert not lock.beats_elsewhere(db)
    said = exit_codes.sentence(exit_codes.REFUSED, bench.store)
    assert said and said.replace(str(bench.store), "FILE") in DOCS
