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
    analysis, and which was cancelled within the fourth; who ran it, its units and its state then, what `jobs` said
    of it, and the store after another try."""
    bench, runners = benches(), set()
    process = bench.gated(*RUN, done=0, starts=2)
    for done in (0, 0, 1):
        bench.until_gated(process, done)
        runners.add(bench.runner())
        bench.kill_worker()
    bench.until_gated(process, 2)
    runners.add(bench.runner())
    bench.told("jobs", "cancel", "1")
    bench.gate.open()
    bench.end(process, 130)
    units, states, shown = bench.units(), bench.ask("SELECT state FROM run"), bench.told("jobs", "show", "1")[0]
    bench.until(bench.idle)
    bench.here("jobs", "resume", "1")
    bench.here("jobs", "retry", "1")
    return bench, [unit[:2] for unit in units.values()], states, shown, runners


def test_a_killed_worker_is_replaced(killed, alone):
    """Invariant: SIGKILL to a worker costs its unit one more attempt; the runner lives, all numbers are the same."""
    bench, units, _, _, runners = killed
    assert len(runners) == 1 and bench.log().count("the worker was killed") == 3
    assert units[1:3] == [("done", 1), ("done", 2)]
    assert {unit[0] for unit in bench.units().values()} == {"done"}
    assert numbers(bench) == numbers(alone) and bench.exports() == alone.exports()


def test_a_unit_that_kills_its_workers_fails_alone(killed):
    """Invariant: the second death of a worker is the unit's failure, with the reason; the rest is computed."""
    _, units, _, shown, _ = killed
    assert units[0] == ("failed", 2) and "the worker was killed: perhaps memory ran out" in shown, shown


def test_a_job_of_a_worker_may_be_cancelled(killed):
    """Invariant: cancelling ends what is under way, keeps what is finished, and the runner ends."""
    _, units, states, _, _ = killed
    assert units[3] == ("cancelled", 1) and states == [("cancelled",)]
