"""The runner's loop: gives what is queued to workers and writes each result into the store as it is ready.

It is the only one that writes results there; `process` sees to that.
"""

import os
import platform
import signal
import time
from importlib.metadata import version
from pathlib import Path

from circuit_core import __version__
from circuit_core.errors import CheckpointError
from circuit_core.models import places
from circuit_store.connection import Connection
from circuit_store.queue import control, requests, runners, units
from circuit_sweep.engines.interface import Engine
from circuit_sweep.planning.slots import Slot
from circuit_sweep.runner import lock
from circuit_sweep.runner.fetching import Fetch, Fetcher
from circuit_sweep.runner.settling import Settling
from circuit_sweep.runner.unit_lifecycle import RunningUnit
from circuit_sweep.worker.messages import Message

PACKAGES = ("torch", "transformers", "transformer-lens", "numpy")
POLL = 0.1
GRACE = 5.0
"""Seconds in which a worker may finish its analysis before it is ended."""


class EndSignal:
    """Whether this process was asked to end. Until `listen` nobody hears what asks."""

    def __init__(self) -> None:
        self.heard = False

    def listen(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._hear)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def _hear(self, number: int, frame: object) -> None:
        self.heard = True


class Runner:
    """From the queue to the workers, and from them to the store."""

    def __init__(
        self,
        db: Connection,
        store: Path,
        engine: Engine,
        logged: Path | None,
        end: EndSignal | None = None,
        disk: int | None = None,
    ) -> None:
        self.db, self.store, self.engine, self.logged, self.end = db, store, engine, logged, end or EndSignal()
        self.settling = Settling(db, store)
        self.under_way: dict[int, RunningUnit] = {}
        self.fetcher = Fetcher(disk)
        self.fetching: dict[int, tuple[Slot, Fetch]] = {}
        """Of the units under way, those whose checkpoint is on its way from the hub to the slot that waits for it."""
        self.described: set[int] = set()
        self.beaten = time.monotonic()

    def work(self) -> None:
        """Until nothing is queued, or the process is asked to end."""
        with self.settling.beside:
            while not self.end.heard:
                self._fill()
                settling = self.settling.go_on()
                if not self.under_way and not settling and runners.leave(self.db):
                    return
                self._listen()

    def _listen(self) -> None:
        """Hear what workers say within a moment, and look after them; with none at work, trends may end the moment."""
        waited = not self.under_way and self.settling.wait(POLL)
        for message in self.engine.messages(0.0 if waited else POLL):
            self._hear(message)
        self._receive()
        self._look_after()

    def _fill(self) -> None:
        """Give every free slot a unit; one that is settled without a worker leaves the slot free."""
        waiting = {slot.name for slot, _ in self.fetching.values()}
        for slot in (slot for slot in self.engine.free() if slot.name not in waiting):
            while not self.end.heard and (unit := units.take_unit(self.db, slot.name, self._busy())):
                self._describe(unit.run)
                taken = RunningUnit(self.db, self.store, unit)
                if fetch := self.fetcher.want(unit.source, unit.revision):
                    self.under_way[unit.id], self.fetching[unit.id] = taken, (slot, fetch)
                    break
                if self._begin(taken, slot):
                    break

    def _begin(self, taken: RunningUnit, slot: Slot) -> bool:
        """Give a unit to a worker; False if it is settled without one."""
        order = taken.order(slot, self._ahead(taken.unit))
        if order:
            self.under_way[taken.unit.id] = taken
            self.engine.begin(slot, order)
        return order is not None

    def _receive(self) -> None:
        """Begin what has come from the hub; what did not come has failed."""
        for number, (slot, fetch) in list(self.fetching.items()):
            taken = self.under_way[number]
            try:
                there = self.fetcher.arrived(fetch)
            except CheckpointError as error:
                del self.fetching[number]
                taken.failed(error)
                self._drop(taken)
                continue
            if there is None:
                taken.fetched(fetch.fraction)
                continue
            del self.fetching[number]
            taken.came(fetch.seen, fetch.seconds)
            if not self._begin(taken, slot):
                self._drop(taken)

    def _busy(self, *more: int) -> list[int]:
        return [taken.unit.checkpoint for taken in self.under_way.values()] + list(more)

    def _ahead(self, unit: units.Unit) -> Path | None:
        """The folder of the unit that comes next, if it is here; one of the hub is fetched and read meanwhile."""
        following = units.next_unit(self.db, self._busy(unit.checkpoint))
        if following is None:
            return None
        if not places.here(following.source, following.revision):
            if self.fetcher.makes_room():
                self.fetcher.want(following.source, following.revision)
            return None
        return places.folder(following.source, following.revision)

    def _hear(self, message: Message) -> None:
        """What is said of a unit that was ended already is dropped."""
        if (taken := self.under_way.get(message.unit)) and taken.say(message):
            self._drop(taken)

    def _drop(self, taken: RunningUnit) -> None:
        del self.under_way[taken.unit.id]
        self.fetcher.over(taken.unit.source, taken.unit.revision)

    def _look_after(self) -> None:
        """Stop what is not wanted any more, and show that this process lives. Raises: StoreMoved."""
        self.db.in_place()
        for unit in control.unwanted(self.db, self.under_way):
            self._stop(self.under_way[unit])
        for fetch in self.fetcher.ahead(fetch for _, fetch in self.fetching.values()):
            if not units.wanted(self.db, fetch.source, fetch.revision):
                self.fetcher.drop(fetch)
        for taken in self.under_way.values():
            taken.show()
        self._give_way()
        if time.monotonic() - self.beaten > lock.BEAT:
            self.beaten = time.monotonic()
            runners.beat(self.db)

    def _stop(self, taken: RunningUnit) -> None:
        if taken.unit.id in self.fetching:
            taken.asked_to_stop = time.monotonic()
            return self._let_go(taken)
        now = time.monotonic()
        if taken.asked_to_stop is None:
            taken.asked_to_stop = now
            self.engine.stop(taken.unit.id)
        elif now - taken.asked_to_stop > GRACE:
            self.engine.kill(taken.unit.id)
            taken.stopped()
            self._drop(taken)

    def _let_go(self, taken: RunningUnit) -> None:
        """Of a unit that no worker has yet. What has come of its checkpoint stays."""
        _, fetch = self.fetching.pop(taken.unit.id)
        self.fetcher.drop(fetch)
        taken.stopped()
        self._drop(taken)

    def _give_way(self) -> None:
        """Let what is asked for by hand come next: one unit at a time ends after the computation under way."""
        if any(taken.gives_way for taken in self.under_way.values()):
            return
        unit = units.to_give_way(self.db, self.under_way, bool(self.engine.free()))
        if unit in self.fetching:
            self._let_go(self.under_way[unit])
        elif unit is not None:
            self.under_way[unit].gives_way = True
            self.engine.stop(unit)

    def _describe(self, run: int) -> None:
        if run in self.described:
            return
        versions = {"circuit-tui": __version__, "python": platform.python_version()}
        versions |= {name: version(name) for name in PACKAGES}
        logged = str(self.logged) if self.logged else None
        requests.describe_runner(self.db, run, platform.node(), os.getpid(), versions, logged)
        self.described.add(run)
