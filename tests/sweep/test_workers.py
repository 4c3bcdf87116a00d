"""Workers are processes that may die: what they had under way is computed again, and numbers do not depend on them."""

import os
import signal
import time

import pytest

from circuit_core import checkpoints, suites

pytestmark = pytest.mark.processes

STEPS = [found.step for found in checkpoints.discover(suites.sample_folder() / "sample-0.1m")]
RUN = ("run", "sample-0.1m", "--checkpoints", ",".join(map(str, STEPS[:4])), "--analyses", "behaviour,heads")


@pytest.fixture(scope="module")
def alone(benches):
    """One worker, undisturbed."""
    bench = benches()
    bench(*RUN)
    return bench


def numbers(bench) -> dict[str, list[tuple]]:
    """Every number of the store, bit for bit, whatever the order in which it came."""
    keyed = "SELECT key, t.* FROM {} AS t JOIN result ON result.id = result_id ORDER BY key, 3, 4"
    return {t: [(k, *rest) for k, _, *rest in bench.ask(keyed.format(t))] for t in ("behaviour", "head_score")}


def test_two_workers_give_the_same_bits(bench, alone):
    """Invariant: results and exports do not depend on the number of slots; both slots worked."""
    bench(*RUN, "--workers", "2")
    assert {slot for (slot,) in bench.ask("SELECT slot FROM unit")} == {"0:auto", "1:auto"}
    assert bench.ask("SELECT DISTINCT threads FROM result") == [(1,)]
    assert numbers(bench) == numbers(alone) and all(numbers(alone).values())
    assert bench.exports() == alone.exports()


def test_a_killed_worker_is_replaced(bench, alone):
    """Invariant: SIGKILL to a worker costs its unit one more attempt; the runner lives, all numbers are the same."""
    process = bench.start(*RUN)
    bench.after_the_first(process)
    runner = bench.runner()
    os.kill(bench.workers()[0], signal.SIGKILL)
    bench.end(process)
    assert bench.runner() == runner and "the worker was killed" in bench.log()
    assert sorted(attempts for _, attempts, _ in bench.units().values()) == [1, 1, 1, 2]
    assert numbers(bench) == numbers(alone) and bench.exports() == alone.exports()


def test_a_unit_that_kills_its_workers_fails_alone(bench):
    """Invariant: the second death of a worker is the unit's failure, with the reason; the rest is computed."""
    process = bench.start(*RUN)
    killed = set()
    deadline = time.monotonic() + 600
    while len(killed) < 2 and time.monotonic() < deadline:
        for worker in set(bench.workers()) - killed:
            if bench.at(STEPS[0]):
                killed.add(worker)
                os.kill(worker, signal.SIGKILL)
        time.sleep(0.02)
    _, err = bench.end(process, 1)
    assert f"sample-0.1m@{STEPS[0]} failed: the worker was killed" in err
    assert [u[:2] for u in bench.units().values()] == [("failed", 2), *[("done", 1)] * 3]


def test_workers_end_with_their_runner(bench):
    """Invariant: after SIGKILL to the runner no worker stays, and who followed says how it ended."""
    process = bench.start(*RUN)
    bench.after_the_first(process)
    workers = bench.workers()
    bench.kill(signal.SIGKILL)
    _, err = bench.end(process, 1)
    assert "the runner ended (code -9); finished results are kept and the same command goes on." in err
    bench.until(lambda: not any(os.path.exists(f"/proc/{pid}/fd/0") for pid in workers))
    assert workers


def test_a_job_of_a_worker_may_be_cancelled(bench):
    """Invariant: cancelling ends what is under way, keeps what is finished, and the runner ends."""
    process = bench.start("run", "sample-0.4m", "--analyses", "all")
    bench.after_the_first(process)
    bench("jobs", "cancel", "1")
    bench.end(process, 130)
    assert {u[0] for u in bench.units().values()} == {"done", "cancelled"}
    assert bench.ask("SELECT state FROM run") == [("cancelled",)] and bench.results()
    bench.until(bench.idle)
