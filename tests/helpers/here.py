"""A sweep in this process: all of it but for the processes, without the seconds in which each of them imports torch.

The command, the runner, the worker's computation and the store are those of a sweep. What a worker is told and says
goes through pickle, as through its pipe. Tests of what processes do to each other start them.
"""

import json
import logging
import pickle
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from click.testing import Result
from console import answer
from pytest import MonkeyPatch

from circuit_core.errors import CircuitError
from circuit_sweep import caller, calls
from circuit_sweep.planning.slots import Slot, Slots
from circuit_sweep.runner import launch, process
from circuit_sweep.worker.messages import Message, UnitEnd, WorkOrder

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Here:
    """An engine with one slot, which computes when it is listened to."""

    def __init__(self, slots: Slots) -> None:
        self.slot, self.unit, self.unwanted = slots.slots()[0], 0, 0
        self.said: Iterator[Message] = iter(())

    def free(self) -> list[Slot]:
        return [] if self.unit else [self.slot]

    def begin(self, slot: Slot, order: WorkOrder) -> None:
        from circuit_sweep.worker.checkpoint import work

        self.unit = order.unit
        self.said = work(pickle.loads(pickle.dumps(order)), lambda: self.unwanted == order.unit)

    def messages(self, timeout: float) -> Iterator[Message]:
        for message in self.said:
            if isinstance(message, UnitEnd):
                self.unit = 0
            yield pickle.loads(pickle.dumps(message))
            return

    def stop(self, unit: int) -> None:
        self.unwanted = unit

    def kill(self, unit: int) -> None:
        self.unit, self.said = 0, iter(())

    def close(self) -> None:
        self.said = iter(())


class Ended:
    """A runner that has ended, as who started it sees its process."""

    def __init__(self, code: int) -> None:
        self.code = code

    def poll(self) -> int:
        return self.code

    def wait(self, timeout: float | None = None) -> int:
        return self.code

    def terminate(self) -> None:
        """Nothing is left to end."""

    kill = terminate


@contextmanager
def own_signals() -> Iterator[None]:
    """Signals are handled afterwards as before."""
    handling = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handled in handling.items():
            signal.signal(number, handled)


def run(store: Path, log: Path) -> int:
    """A runner from its beginning to its end, which logs to a file; returns its exit code."""
    log.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(log)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    logger = logging.getLogger("circuit_sweep")
    logger.addHandler(handler)
    level = logger.level
    logger.setLevel(logging.INFO)
    try:
        with MonkeyPatch.context() as patch, own_signals():
            patch.setattr(process, "engine_of", Here)
            return process.run(store, log)
    finally:
        logger.setLevel(level)
        logger.removeHandler(handler)
        handler.close()


def ask(call: str, **given: Any) -> Any:
    """`caller.ask`, which lets a process of its own answer a call, in this one."""
    reply = json.loads(calls.reply(json.dumps({"call": call, "given": given})))
    if "error" in reply:
        raise CircuitError(reply["error"])
    return reply["found"]


@contextmanager
def sweeping() -> Iterator[None]:
    """Whoever starts a runner, or lets a process answer a call, waits while this process does it."""
    with MonkeyPatch.context() as patch, own_signals():
        patch.setattr(launch, "start", lambda store, log: Ended(run(store, log)))
        patch.setattr(caller, "ask", ask)
        yield


def computed(folder: Path, env: dict[str, str], *args: str | Path) -> Result:
    """A command that computes, in a folder."""
    with sweeping():
        return answer(folder, env, *args)
