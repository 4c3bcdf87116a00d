"""The engine for several boxes, with two workers of this one: the same results, and cancelling works."""

import os
import signal
from pathlib import Path

import pytest

from circuit_core.models import checkpoints, suites

pytest.importorskip("ray", reason="the extra circuit-tui[ray] is not installed")

STEPS = [found.step for found in checkpoints.discover(suites.sample_folder() / "sample-0.1m")]
RUN = ("run", "sample-0.1m", "--checkpoints", ",".join(map(str, STEPS[:4])), "--analyses", "behaviour,heads,circuit")
RAY = ("--engine", "ray", "--workers", "2", "--device", "cpu")


def test_ray_gives_the_same_results(bench, benches):
    """Invariant: two Ray workers compute what one local worker does, byte for byte."""
    local = benches()
    local(*RUN)
    bench(*RUN, *RAY)
    assert {slot for (slot,) in bench.ask("SELECT slot FROM unit")} == {"0:ray", "1:ray"}
    assert bench.exports() == local.exports()


def test_every_box_without_a_gpu_computes(bench):
    """Two boxes of unlike size: each has a slot, and no task waits for more cores than a box has."""
    from ray.cluster_utils import Cluster  # pyright: ignore[reportMissingImports]

    boxes = Cluster(initialize_head=True, head_node_args={"num_cpus": 2})
    try:
        boxes.add_node(num_cpus=3)
        bench(*RUN, "--engine", "ray", "--ray-address", boxes.address, "--device", "cpu")
    finally:
        boxes.shutdown()
    assert {slot for (slot,) in bench.ask("SELECT slot FROM unit")} == {"0:ray", "1:ray"}
    assert {u[0] for u in bench.units().values()} == {"done"}


def test_cancelling_ends_ray_tasks(bench):
    """Invariant: cancelling ends what is under way, what is finished stays, the runner ends."""
    process = bench.start("run", "sample-0.4m", "--analyses", "all", *RAY)
    half_way(bench, process)
    bench("jobs", "cancel", "1")
    bench.end(process, 130)
    assert {u[0] for u in bench.units().values()} == {"done", "cancelled"} and bench.results()
    bench.until(bench.idle)


def test_a_lost_task_is_computed_again(bench):
    """Invariant: SIGKILL to a Ray worker costs its unit one more attempt; all results are there once."""
    process = bench.start(*RUN, *RAY)
    half_way(bench, process)
    os.kill(ray_workers(bench.folder)[0], signal.SIGKILL)
    bench.end(process)
    units = list(bench.units().values())
    assert {u[0] for u in units} == {"done"} and sorted(u[1] for u in units)[-1] == 2
    assert bench.ask("SELECT max(n) FROM (SELECT count(*) AS n FROM result GROUP BY key)") == [(1,)]


def half_way(bench, process) -> None:
    """Wait until a unit is done and another is under way."""

    def there() -> bool:
        assert process.poll() is None, bench.log()
        if not (bench.store.exists() and bench.tables()):
            return False
        states = {state for (state,) in bench.ask("SELECT state FROM unit")}
        return "done" in states and bool({"loading", "running"} & states)

    bench.until(there)


def ray_workers(folder: Path) -> list[int]:
    """Processes of tasks that work for a runner whose state lies in a folder."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            ours = str(folder).encode() in (place / "environ").read_bytes()
            if ours and (place / "cmdline").read_bytes().startswith(b"ray::_serve"):
                found.append(int(place.name))
        except OSError:
            continue
    return found


def test_without_a_cluster_nothing_starts_and_nothing_is_lost(bench):
    """Invariant: an address where nothing answers is said, in one sentence; the units wait."""
    _, err = bench(*RUN, *RAY, "--ray-address", "127.0.0.1:1", code=1)
    assert "the log says why" in err and "No Ray cluster answers" in bench.log()
    assert {u[0] for u in bench.units().values()} == {"queued"}
