"""A worker's process: it takes orders from its runner, one after another, and sends back what comes of them.

It never touches the database. It ends with its runner, whatever becomes of that: a thread reads the runner's end of the
pipe, and when that is closed ends the process at once. Torch is imported here once, not once a checkpoint, and what its
import leaves behind is not searched for garbage, then or later: that takes a fifth off a worker's start.
"""

import gc
import os
import queue
import signal
import threading
from multiprocessing.connection import Connection
from pathlib import Path

from circuit_sweep.worker.messages import StopOrder, WorkOrder

PIECE = 2**24


def serve(runner: Connection, visible: str | None) -> None:
    """The main function of a worker's process.

    Args:
        visible: the one GPU it may see; None leaves the choice as it is.
    """
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    if visible is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = visible
    os.environ["HF_HUB_OFFLINE"] = "1"  # only the runner fetches
    inbox = _Inbox(runner)
    gc.disable()
    from circuit_sweep.worker.checkpoint import work

    gc.freeze()
    gc.enable()
    while True:
        order = inbox.orders.get()
        if order.ahead is not None:
            threading.Thread(target=_read_ahead, args=(order.ahead,), daemon=True).start()
        try:
            for message in work(order, lambda unit=order.unit: inbox.stopped == unit, visible is not None, runner.send):
                runner.send(message)
        except OSError:
            return  # the runner has closed its end: nobody is left to tell


class _Inbox:
    """What the runner says, read at once also while a unit computes."""

    def __init__(self, runner: Connection) -> None:
        self.orders: queue.SimpleQueue[WorkOrder] = queue.SimpleQueue()
        self.stopped: int | None = None
        """The unit that is not wanted any more, until it is ordered again."""
        threading.Thread(target=self._read, args=(runner,), daemon=True).start()

    def _read(self, runner: Connection) -> None:
        while True:
            try:
                told = runner.recv()
            except (EOFError, OSError):
                os._exit(0)
            if isinstance(told, StopOrder):
                self.stopped = told.unit
            else:
                self.stopped = None
                self.orders.put(told)


def _read_ahead(folder: Path) -> None:
    """Bring the weights of the next checkpoint into the page cache."""
    from circuit_core import untrusted_files
    from circuit_core.errors import CircuitError
    from circuit_core.models.weights import files

    try:
        for path in files(folder):
            with untrusted_files.opened(path) as file:
                while file.read(PIECE):
                    pass
    except (OSError, CircuitError):
        return
