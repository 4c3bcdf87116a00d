"""The engine for one box: one spawned process a slot, which stays from checkpoint to checkpoint.

Spawned, not forked: a fork of a process with torch in it hangs or fails on a GPU. A worker that dies is replaced, and
its unit's end is reported as `WorkerDied`.
"""

import multiprocessing
import signal
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from circuit_sweep.planning.slots import Slot
from circuit_sweep.worker.messages import Message, StopOrder, UnitEnd, WorkerDied, WorkOrder
from circuit_sweep.worker.process import serve

PATIENCE = 2.0
"""Seconds between asking a worker to end and ending it."""


class WorkerProcess:
    """The process of one slot; started with its first order."""

    def __init__(self, slot: Slot) -> None:
        self.slot = slot
        self.unit: int | None = None
        """What it computes."""
        self.process: BaseProcess | None = None
        self.pipe: Connection | None = None

    def begin(self, order: WorkOrder) -> None:
        if self.process is None or not self.process.is_alive():
            self._start()
        assert self.pipe is not None
        self.unit = order.unit
        self._send(order)

    def _start(self) -> None:
        spawn = multiprocessing.get_context("spawn")
        self.pipe, theirs = spawn.Pipe()
        self.process = spawn.Process(target=serve, args=(theirs, self.slot.visible), daemon=True)
        self.process.start()
        theirs.close()

    def stop(self) -> None:
        if self.unit is not None:
            self._send(StopOrder(self.unit))

    def _send(self, what: WorkOrder | StopOrder) -> None:
        """A worker that is gone hears nothing; `read` finds out."""
        assert self.pipe is not None
        try:
            self.pipe.send(what)
        except OSError:
            return

    def read(self) -> Iterator[Message]:
        """What it has said; `WorkerDied` at the end if it is gone."""
        assert self.pipe is not None
        try:
            while self.pipe.poll():
                message = self.pipe.recv()
                if isinstance(message, UnitEnd):
                    self.unit = None
                if isinstance(message, WorkerDied):
                    self.end()
                yield message
                if self.pipe is None:
                    return
        except (EOFError, OSError):
            unit, how = self.unit, self.end()
            if unit is not None:
                yield WorkerDied(unit, how)

    def end(self, patience: float = PATIENCE) -> str:
        """End the process and say how it ended."""
        assert self.process is not None and self.pipe is not None
        self.process.join(0.2)
        died = self.process.exitcode
        for end in (self.process.terminate, self.process.kill):
            if self.process.exitcode is None:
                end()
                self.process.join(patience)
        self.pipe.close()
        self.process, self.pipe, self.unit = None, None, None
        if died == -signal.SIGKILL:
            return "the worker was killed: perhaps memory ran out"
        if died is not None and died < 0:
            return f"the worker ended with {signal.Signals(-died).name}"
        return f"the worker ended with code {died}"


class LocalEngine:
    """All workers of this box."""

    def __init__(self, slots: list[Slot]) -> None:
        self.workers = [WorkerProcess(slot) for slot in slots]

    def free(self) -> list[Slot]:
        return [worker.slot for worker in self.workers if worker.unit is None]

    def begin(self, slot: Slot, order: WorkOrder) -> None:
        next(worker for worker in self.workers if worker.slot == slot).begin(order)

    def messages(self, timeout: float) -> Iterator[Message]:
        """What workers say within a time; returns as soon as one has said something."""
        pipes = {worker.pipe: worker for worker in self.workers if worker.pipe is not None}
        if not pipes:
            time.sleep(timeout)
        for pipe in wait(list(pipes), timeout) if pipes else ():
            yield from pipes[pipe].read()  # type: ignore[index]

    def stop(self, unit: int) -> None:
        """Ask for a unit's end after the analysis under way."""
        for worker in self._at(unit):
            worker.stop()

    def kill(self, unit: int) -> None:
        """End a unit with its worker. Nothing more is said of it."""
        for worker in self._at(unit):
            worker.end()

    def _at(self, unit: int) -> list[WorkerProcess]:
        return [worker for worker in self.workers if worker.unit == unit]

    def close(self) -> None:
        """End all workers: those that hear of it end by themselves."""
        started = [worker for worker in self.workers if worker.pipe is not None]
        for worker in started:
            worker.pipe.close()  # type: ignore[union-attr]
        for worker in started:
            worker.end()
