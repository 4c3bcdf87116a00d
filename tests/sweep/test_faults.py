"""Whatever is killed, and whenever: no result is lost or doubled, and the numbers are those of an undisturbed run.

Small units (one checkpoint under many steps, cheap roles) are computed while a worker, the runner, a command that
follows, or an explorer that looks on is killed at moments that a seed decides. After each kill the store must be sound;
at the end every export must equal an undisturbed one byte for byte.
"""

import os
import random
import shutil
import signal
import time

import pytest
from attended import Attended

from circuit_core.models import checkpoints, suites

SOURCE = suites.sample_folder() / "sample-0.1m"
LAST = checkpoints.discover(SOURCE)[-1].revision
RUN = ("run", "many", "--analyses", "behaviour,heads", "--workers", "2")
VICTIMS = ("worker", "runner", "explorer", "follower")


class Rampage:
    """A sweep over many small units that is disturbed again and again."""

    def __init__(self, bench, units: int):
        self.bench = bench
        for place in range(units):
            folder = bench.folder / "many" / f"step{place}"
            folder.mkdir(parents=True)
            for file in (SOURCE / LAST).iterdir():
                os.link(file, folder / file.name) if _linkable(file, folder) else shutil.copy(file, folder / file.name)
        self.landed = 0
        """Kills that met a process with work left."""
        self.process = None
        self.seen: dict[str, int] = {}
        self.explorer: Attended | None = None
        self.explorers_killed = 0

    def follow(self) -> None:
        if self.process is None or self.process.poll() is not None:
            self.process = self.bench.start(*RUN)
        if self.explorer is None or self.explorer.ended is not None:
            self.explorer = Attended(self.bench.store, self.bench.env)
            self.explorer.watch()

    def kill(self, victim: str) -> bool:
        """Whether there was one to kill."""
        found = {"worker": self.bench.workers, "runner": self._runner, "follower": self._follower}
        pids = (found | {"explorer": self._explorer})[victim]()
        for pid in pids[:1]:
            os.kill(pid, signal.SIGKILL)
            self.landed += self.left()
        if victim == "explorer" and pids and self.explorer:
            assert self.explorer.status() == signal.SIGKILL
            self.explorer.close()
            self.explorers_killed += 1
        return bool(pids)

    def done(self) -> int:
        """Units that are finished."""
        if not (self.bench.store.exists() and self.bench.tables()):
            return 0
        return self.bench.ask("SELECT count(*) FROM unit_status WHERE state = 'done'")[0][0]

    def left(self) -> bool:
        """Whether there may be something left to compute."""
        if not (self.bench.store.exists() and self.bench.tables()):
            return True
        return self.bench.ask("SELECT count(*) FROM unit WHERE state != 'done'") != [(0,)] or not self.bench.units()

    def _runner(self) -> list[int]:
        found = self.bench.ask("SELECT pid FROM runner") if self.bench.store.exists() and self.bench.tables() else []
        return [pid for (pid,) in found if os.path.exists(f"/proc/{pid}/fd/0")]

    def _follower(self) -> list[int]:
        return [self.process.pid] if self.process and self.process.poll() is None else []

    def _explorer(self) -> list[int]:
        """One that shows the model by now, and looks for news twice a second."""
        return [self.explorer.pid] if self.explorer and b"many" in self.explorer.told else []

    def check(self) -> None:
        """The store is sound; every result that was there is there under the same number, and once."""
        if not (self.bench.store.exists() and self.bench.tables()):
            return
        assert self.bench.ask("PRAGMA integrity_check") == [("ok",)]
        assert self.bench.ask("PRAGMA foreign_key_check") == []
        now = {key: number for number, key, *_ in self.bench.results()}
        assert self.seen.items() <= now.items()
        self.seen = now

    def finish(self) -> None:
        """Whatever is left is computed; units that lost two workers are tried again."""
        if self.explorer is not None:
            self.explorer.close()
        if self.process is not None:
            self.process.communicate(timeout=1200)
        self.bench.until(self.bench.idle)
        self.bench.here(*RUN)


def _linkable(file, folder) -> bool:
    """Weights are copied: a link would be the same source."""
    return os.stat(file).st_dev == os.stat(folder).st_dev and file.suffix != ".safetensors"


def rampage(bench, kills: int, units: int, seed: int) -> Rampage:
    """Kill so often, each time after a seeded number of further units and a moment, and finish."""
    chance, going = random.Random(seed), Rampage(bench, units)
    for place in range(kills):
        going.follow()
        wanted = going.done() + chance.randrange(units // kills)
        bench.until(lambda wanted=wanted: going.follow() or going.done() >= wanted)
        time.sleep(chance.uniform(0, 0.3))
        victim = VICTIMS[(place + chance.randrange(2)) % len(VICTIMS)]
        bench.until(lambda victim=victim: going.follow() or not going.left() or going.kill(victim))
        going.check()
    going.finish()
    going.check()
    assert going.explorers_killed
    assert going.landed > kills / 2
    return going


def assert_undisturbed(bench, disturbed: Rampage, units: int) -> None:
    Rampage(bench, units)
    bench.here(*RUN)
    assert disturbed.bench.exports() == bench.exports()
    assert len(disturbed.seen) == len(disturbed.bench.results()) == len(bench.results()) > units


@pytest.mark.processes
def test_five_kills_lose_nothing(benches):
    """Invariant: after five kills over small units all results are there once, equal to an undisturbed run's."""
    assert_undisturbed(benches(), rampage(benches(), kills=5, units=24, seed=0), units=24)


@pytest.mark.slow
@pytest.mark.timeout(1700)
def test_forty_kills_lose_nothing(benches):
    """Invariant: the same for forty kills over forty-eight units."""
    assert_undisturbed(benches(), rampage(benches(), kills=40, units=48, seed=1), units=48)
