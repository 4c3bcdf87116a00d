"""A sweep computes what is missing and nothing else, however it was ended before."""

import fcntl
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from circuit_core.models import checkpoints, suites
from circuit_sweep.planning.analyses import OF_PATHS, ROLES

pytestmark = pytest.mark.processes

ALL = [found.step for found in checkpoints.discover(suites.sample_folder() / "sample-0.1m")]
STEPS = [*ALL[:2], ALL[-1]]
RUN = ("run", "sample-0.1m", "--checkpoints", ",".join(map(str, STEPS)))
QUICK = (*RUN, "--analyses", "behaviour")
FIRST = ("run", "sample-0.1m", "--checkpoints", str(STEPS[0]), "--analyses", "behaviour")


@pytest.fixture(scope="module")
def whole(benches):
    """A sweep that nothing disturbed, asked for by two equal commands at one time, from a folder with a `numpy.py`."""
    bench = benches()
    (bench.folder / "numpy.py").write_text("raise SystemExit('imported from the working directory')")
    bench.told_of_both = [err for _, err in bench.together(RUN, RUN)]
    bench.until(bench.idle)
    return bench


def test_a_run_computes_all_that_was_asked(whole):
    """Invariant: each checkpoint has one result for each analysis asked, and each unit ran once; the working directory
    is not code."""
    assert {tuple(u[:2]) for u in whole.units().values()} == {("done", 1)}
    counts = whole.ask("SELECT analysis, count(*) FROM result GROUP BY 1 ORDER BY 1")
    n, roles = len(STEPS), len(ROLES) - len(OF_PATHS)
    assert counts == [("attention", n), ("behaviour", n), ("circuit", n), ("heads", n * roles)]
    assert whole.ask("SELECT max(faithfulness) FROM circuit")[0][0] >= 0.8


def test_two_at_once_share_the_work(whole):
    """Invariant: of two equal commands at one time no unit runs twice, both end well and say the same."""
    told = f"{len(STEPS)} checkpoints computed, 0 were already there, 0 failed."
    assert all(told in said for said in whole.told_of_both)
    assert whole.ask("SELECT step, state, attempts FROM unit_status") == [(step, "done", 1) for step in STEPS]
    assert whole.ask("SELECT count(*) FROM result GROUP BY checkpoint_id, analysis, role HAVING count(*) > 1") == []
    assert "Traceback" not in whole.log()


def test_provenance_is_complete(whole):
    """Invariant: every run says where, with what and when it was computed."""
    (row,) = whole.ask("SELECT host, pid, versions, started, ended FROM run")
    assert all(row)


def test_the_closed_store_is_one_file(whole, tmp_path):
    """Invariant: after a run all that it found lies in the one file.

    A log may stay beside it, without content, where the last two connections closed at the same moment.
    """
    logs = [path for path in whole.folder.glob("store.db-*") if path.name != "store.db-shm"]
    assert not any(path.stat().st_size for path in logs)
    alone = Path(shutil.copy(whole.store, tmp_path))
    with closing(sqlite3.connect(f"file:{alone}?mode=ro&immutable=1", uri=True)) as copy:
        assert copy.execute("SELECT id, key, run_id, seconds FROM result ORDER BY id").fetchall() == whole.results()


def test_the_same_again_computes_nothing(whole):
    """Invariant: a second run writes no result and no unit, and starts no runner."""
    results, units, log = whole.results(), whole.units(), whole.log()
    _, err = whole.told(*RUN)
    assert f"0 checkpoints computed, {len(STEPS)} were already there" in err
    assert (whole.results(), whole.units(), whole.log()) == (results, units, log)


def test_asking_imports_no_torch(whole):
    """Invariant: the process that asks for a sweep imports neither torch nor the explorer."""
    code = (
        "import sys; from circuit_tui.cli import main\n"
        f"try: main({list(RUN)!r})\n"
        "except SystemExit as end: assert not end.code\n"
        "assert not {'torch', 'transformers', 'textual'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-P", "-c", code], env=whole.env, check=True, capture_output=True)


def test_a_folder_of_a_known_model_is_that_model(whole):
    """Invariant: naming a known model's folder neither makes a second model nor forgets its tokens."""
    whole.told("run", str(suites.sample_folder() / "sample-0.1m"), "--checkpoints", "final")
    assert whole.ask("SELECT name, suite, tokens_per_step FROM model") == [("sample-0.1m", "sample", 1536)]


def test_one_more_analysis_computes_only_that(bench):
    """Invariant: results that a wider request shares with an earlier one stay."""
    narrow = ("run", "sample-0.1m", "--checkpoints", "final", "--analyses", "behaviour")
    bench.here(*narrow)
    before = bench.results()
    bench.here(*narrow[:-1], "behaviour,heads")
    after = bench.results()
    assert after[: len(before)] == before
    assert set(bench.ask("SELECT DISTINCT analysis FROM result WHERE run_id = 2")) == {("heads",), ("attention",)}


def test_a_killed_runner_costs_only_what_was_under_way(bench, whole):
    """Invariant: after SIGKILL no worker stays, and who followed says how it ended; the next run finishes the rest,
    and all numbers are those of an undisturbed run."""
    process = bench.gated(*RUN)
    workers = bench.workers()
    bench.kill(signal.SIGKILL)
    _, err = bench.end(process, 1)
    assert "the runner ended (code -9); finished results are kept and the same command goes on." in err
    assert workers
    bench.until(lambda: not any(os.path.exists(f"/proc/{pid}/fd/0") for pid in workers))
    first, results = bench.units(), bench.results()
    bench.here(*RUN)
    assert first[STEPS[0]][0] == "done" == bench.units()[STEPS[0]][0]
    assert bench.results()[: len(results)] == results != []
    assert {u[0] for u in bench.units().values()} == {"done"}
    assert bench.exports() == whole.exports()


def test_ctrl_c_leaves_what_is_finished(bench):
    """Invariant: Ctrl-C ends with 130 and one sentence, leaves no runner behind, and the same command goes on."""
    bench.here(*FIRST)
    process = bench.gated(*QUICK, starts=1)
    process.send_signal(signal.SIGINT)
    out, err = bench.end(process, 130)
    said = [line for line in err.splitlines() if "checkpoints, " not in line]
    assert (out, len(said)) == ("", 1) and said[0].startswith("Interrupted.")
    with open(f"{bench.store}.lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    first = bench.units()
    assert [unit[0] for unit in first.values()] == ["done", *["interrupted"] * 2]
    bench.here(*QUICK)
    units = bench.units()
    assert units[STEPS[0]] == first[STEPS[0]] and {u[0] for u in units.values()} == {"done"}


def test_sigterm_puts_the_unit_back(bench):
    """Invariant: a runner that is asked to end queues what it had under way and closes the store."""
    bench.here(*FIRST)
    process = bench.gated(*QUICK, starts=1)
    bench.kill(signal.SIGTERM)
    _, err = bench.end(process, 1)
    assert "the runner ended (code 17)" in err
    assert [unit[0] for unit in bench.units().values()] == ["done", *["queued"] * 2]
    assert "Traceback" not in bench.log()
