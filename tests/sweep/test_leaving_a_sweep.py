"""However the explorer ends while its run goes on: the terminal is as it was, and the run has all its results."""

import os
import re
import signal
import termios

import pytest
from attended import LEFT, Attended, listening

from circuit_core.models import checkpoints, suites

STEPS = [found.step for found in checkpoints.discover(suites.sample_folder() / "sample-0.1m")]
BEGINS = """
import pathlib, sys
from circuit_sweep.planning.request import Request
from circuit_tui.runs import sweeps
from circuit_tui.explorer.app import Explorer
from circuit_tui.runs.run_request import RunRequest
store, asked = pathlib.Path(sys.argv[1]), RunRequest(("sample-0.1m",), "all", Request(analyses=("behaviour",)))
Explorer(store, lambda: sweeps.begin(store, asked)).run()
"""
FAILS = """
import pathlib, sys
from circuit_tui.explorer.app import Explorer
class Failing(Explorer):
    def poll(self, resting=False):
        super().poll(resting)
        secret = "local" + str(42_000 + 1)
        if self.main.look and secret:
            raise RuntimeError("an error of its own")
Failing(pathlib.Path(sys.argv[1])).run()
"""
MODES = (b"\x1b[?1000l", b"\x1b[?1003l", b"\x1b[?1006l", b"\x1b[?25h", LEFT)
"""Mouse off, cursor shown, the usual screen."""


def left_by(explorer: Attended) -> bytes:
    """The last that it writes; its terminal echoes and waits for lines again."""
    told = explorer.read_until(LEFT)
    told += explorer.read_until(b"never", 0.5)
    assert all(mode in told for mode in MODES), told[-500:]
    assert explorer.status() is not None
    echoes = termios.tcgetattr(explorer.screen)[3]
    assert echoes & termios.ECHO and echoes & termios.ICANON
    return told


@pytest.fixture
def opened(bench):
    """Opens explorers on the bench's store and ends those that are left."""
    explorers: list[Attended] = []

    def open_one(run: str) -> Attended:
        explorers.append(Attended(bench.store, bench.env, (120, 40), run))
        return explorers[-1]

    yield open_one
    for explorer in explorers:
        explorer.close()


@pytest.mark.processes
def test_the_explorer_leaves_and_its_job_goes_on(bench, opened):
    """Invariant: by SIGTERM, SIGHUP or an error of its own, the explorer leaves a terminal in order, prints no value of
    a variable, and the runner that it started computes all, listening to nobody; a worker is held meanwhile."""
    first = opened(BEGINS)
    assert b"sweep" in first.read_until(b"sweep")
    bench.until(lambda: bench.store.exists() and bench.tables() and bench.ask("SELECT * FROM runner") != [])
    ((runner,),) = bench.ask("SELECT pid FROM runner")
    bench.until(lambda: bench.workers() != [])
    (worker,) = bench.workers()
    os.kill(worker, signal.SIGSTOP)
    assert listening(first.pid) == [] == listening(runner)
    second, third = opened(BEGINS), opened(FAILS)
    first.send(signal.SIGTERM)
    left_by(first)
    assert b"sample-0.1m" in second.read_until(b"sample-0.1m")
    second.send(signal.SIGHUP)
    left_by(second)
    told = re.sub(rb"\s+", b" ", left_by(third))
    assert b"circuit-tui stopped because of an error of its own: RuntimeError('an error of its own')" in told
    assert b"local42001" not in told and b"secret" not in told and b"Traceback" not in told
    assert {unit[0] for unit in bench.units().values()} & {"queued", "loading", "running"}
    os.kill(worker, signal.SIGCONT)
    bench.until(lambda: bench.ask("SELECT state FROM run") == [("done",)])
    assert bench.units().keys() == set(STEPS) and {unit[:2] for unit in bench.units().values()} == {("done", 1)}
    assert bench.ask("SELECT DISTINCT pid FROM run") == [(runner,)]
    assert len({key for _, key, *_ in bench.results()}) == len(bench.results()) == len(STEPS)
    bench.until(bench.idle)
