"""What is fetched for units, counted and removed again; the hub is a server on the loopback, its files no models."""

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from here import Here
from hub import Hub, checkpoint

from circuit_core.models import hub as client
from circuit_core.models import places
from circuit_core.models.hub import cache
from circuit_store import models
from circuit_store.queue import control, requests, units
from circuit_store.store import open_to_write
from circuit_sweep.planning.slots import Slots
from circuit_sweep.runner.fetching import Fetch, Fetcher
from circuit_sweep.runner.runner import Runner
from circuit_sweep.worker.messages import UnitFinished

REPO = "EleutherAI/pythia-14m"
SOURCE = f"hf://{REPO}"


@pytest.fixture
def server(tmp_path, monkeypatch):
    steps = {f"step{step}": checkpoint(tmp_path / f"step{step}", fill) for fill, step in enumerate((0, 1, 1000))}
    with Hub({REPO: steps}, home=tmp_path / "hf") as hub:
        yield hub.here(monkeypatch)


def come(fetcher: Fetcher, revision: str) -> Fetch:
    fetch = fetcher.want(SOURCE, revision)
    assert fetch
    fetch.future.result(60)
    return fetch


def here() -> list[str]:
    return sorted(client.cached_revisions(REPO))


def test_what_was_fetched_ahead_for_a_unit_that_is_cancelled_is_counted_and_goes_first(server):
    """Invariant: it takes room like any other, and the oldest goes; what the cache held before stays."""
    before = client.listing(REPO, "step1")
    client.fetch(before)
    fetcher = Fetcher(before.size + 1000)
    ahead = come(fetcher, "step0")
    assert fetcher.ahead([]) == [ahead] and fetcher.ahead([ahead]) == []
    fetcher.drop(ahead)
    assert here() == ["step0", "step1"]
    fetcher.arrived(come(fetcher, "step1000"))
    assert here() == ["step0", "step1", "step1000"] and not fetcher.makes_room()
    assert here() == ["step1", "step1000"]
    fetcher.close()


def test_what_a_unit_under_way_reads_is_not_removed_because_another_is_over(server):
    fetcher = Fetcher(0)
    for revision in ("step0", "step1000"):
        fetcher.arrived(come(fetcher, revision))
    fetcher.over(SOURCE, "step1000")
    assert here() == ["step0"]
    fetcher.over(SOURCE, "step0")
    assert here() == []
    fetcher.close()


def test_a_partial_file_of_our_own_goes_and_one_of_others_stays(server):
    """Invariant: only with a bound, and not while somebody goes on with it; without one it is gone on with later."""
    foreign = cache.partial(REPO, "f" * 64)
    foreign.parent.mkdir(parents=True)
    foreign.write_bytes(b"of another program")
    for disk, revision in ((None, "step0"), (0, "step1000")):
        held = server.block(f"{revision}/model.safetensors", after=1000)
        fetcher = Fetcher(disk)
        fetch = fetcher.want(SOURCE, revision)
        assert fetch and held.reached.wait(60)
        (digest,) = (file.digest for file in client.listing(REPO, revision).weights)
        while not cache.partial(REPO, digest).exists():
            assert not fetch.future.done()
        assert digest not in client.abandoned(REPO)
        client.remove_abandoned(REPO)
        assert cache.partial(REPO, digest).exists()
        fetcher.drop(fetch)
        held.go.set()
        fetcher.close()
        assert (digest in client.abandoned(REPO)) == (disk is None)
    assert client.abandoned(REPO) == {} and here() == []
    assert foreign.read_bytes() == b"of another program"


@pytest.fixture
def runner(tmp_path, request):
    """Of a store in which all steps are queued; its engine computes nothing unless it is listened to."""
    with closing(open_to_write(tmp_path / "store.db")) as db:
        model = models.Model("pythia-14m", "pythia", SOURCE, None, None, None, None, None)
        steps = [models.CheckpointRecord(step, 0, f"step{step}") for step in (0, 1, 1000)]
        requests.add_run(db, {"models": ["pythia-14m"]}, list(models.add_model(db, model, steps).values()))
        runner = Runner(
            db, Path(tmp_path / "store.db"), Here(Slots(device="cpu")), None, disk=getattr(request, "param", 0)
        )
        yield runner
        runner.fetcher.close()


def test_a_runner_drops_what_it_fetches_ahead_once_nobody_waits_for_it(server, runner):
    held = server.block("step0/model.safetensors", after=1000)
    runner.fetcher.want(SOURCE, "step0")
    assert held.reached.wait(60)
    runner._look_after()
    assert units.wanted(runner.db, SOURCE, "step0") and len(runner.fetcher.under_way) == 1
    (run,) = runner.db.execute("SELECT id FROM run").fetchone()
    control.cancel(runner.db, run, at_work=True)
    runner._look_after()
    assert not units.wanted(runner.db, SOURCE, "step0") and not runner.fetcher.under_way
    held.go.set()
    runner.fetcher.close()
    assert here() == [] and client.abandoned(REPO) == {}


def begun(runner: Runner) -> int:
    """The unit that the one slot computes, once its checkpoint has come."""
    runner._fill()
    ((_, fetch),) = runner.fetching.values()
    fetch.future.result(60)
    runner._receive()
    engine: Any = runner.engine
    return engine.unit


@pytest.mark.parametrize("runner", [None, 170_000], indirect=True, ids=["without a bound", "room for two"])
def test_the_next_checkpoint_is_fetched_and_read_while_one_computes(server, runner):
    """Invariant: also once `--disk` is full of what is over. The runner's loop does not read it again."""
    for step, following in ((0, 1), (1, 1000)):
        unit = begun(runner)
        ((key, ahead),) = runner.fetcher.under_way.items()
        assert key == (REPO, f"step{following}")
        ahead.future.result(60)
        assert runner.engine.unit == unit and runner.under_way[unit].unit.step == step
        assert ahead.seen == places.seen(SOURCE, f"step{following}")
        assert runner.under_way[unit].known == {
            f"{SOURCE}@{server.commit(REPO, f'step{step}')}": runner.under_way[unit].source.fingerprint
        }
        runner.engine.kill(unit)
        runner._hear(UnitFinished(unit))
    begun(runner)
    assert not runner.fetcher.under_way and here() == (
        ["step0", "step1", "step1000"] if runner.fetcher.disk is None else ["step1", "step1000"]
    )
