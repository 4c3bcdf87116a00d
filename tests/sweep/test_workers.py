"""Workers are processes that may die: what they had under way is computed again, and numbers do not depend on them."""

import pytest

from circuit_core.models import checkpoints, suites

pytestmark = pytest.mark.processes

STEPS = [found.step for found in checkpoints.discover(suites.sample_folder() / "sample-0.1m")]
RUN = ("run", "sample-0.1m", "--checkpoints", ",".join(map(str, STEPS[:4])), "--analyses", "behaviour,heads")


@pytest.fixture(scope="module")
def alone(benches):
    """Computed in this process, undisturbed."""
    bench = benches()
    bench.here(*RUN)
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


@pytest.fixture(scope="module")
def killed(benches):
    """A run in which the workers of the first checkpoint were killed twice as they started and one of the third at an
    analysis, and who ran it; its units then, what it said, and the store after another try."""
    bench, runners = benches(), set()
    process = bench.gated(*RUN, done=0, starts=2)
    for done in (0, 0, 1):
        bench.until_gated(process, done)
        runners.add(bench.runner())
        bench.kill_worker()
    bench.gate.open()
    said = bench.end(process, 1)[1]
    units = bench.units()
    bench.here("jobs", "retry", "1")
    return bench, units, said, runners


def test_a_killed_worker_is_replaced(killed, alone):
    """Invariant: SIGKILL to a worker costs its unit one more attempt; the runner lives, all numbers are the same."""
    bench, units, _, runners = killed
    assert len(runners) == 1 and bench.log().count("the worker was killed") == 3
    assert [unit[:2] for unit in units.values()][1:] == [("done", 1), ("done", 2), ("done", 1)]
    assert numbers(bench) == numbers(alone) and bench.exports() == alone.exports()


def test_a_unit_that_kills_its_workers_fails_alone(killed):
    """Invariant: the second death of a worker is the unit's failure, with the reason; the rest is computed."""
    _, units, said, _ = killed
    assert f"sample-0.1m@{STEPS[0]} failed: the worker was killed" in said
    assert [unit[:2] for unit in units.values()][0] == ("failed", 2)


def test_a_job_of_a_worker_may_be_cancelled(bench):
    """Invariant: cancelling ends what is under way, keeps what is finished, and the runner ends."""
    process = bench.gated(*RUN)
    bench.told("jobs", "cancel", "1")
    bench.gate.open()
    bench.end(process, 130)
    assert {u[0] for u in bench.units().values()} == {"done", "cancelled"}
    assert bench.ask("SELECT state FROM run") == [("cancelled",)] and bench.results()
    bench.until(bench.idle)
