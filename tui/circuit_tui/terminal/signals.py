"""Ends that come from outside, by a signal: in order, or by force if the terminal is gone and writing never returns."""

import asyncio
import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress

_ENDINGS = (signal.SIGTERM, signal.SIGHUP)
_PATIENCE = 3.0
"""Seconds that an end in order may take."""


def catch(leave: Callable[[], object]) -> None:
    """From now on these signals have the running loop call `leave`."""
    loop = asyncio.get_running_loop()

    def end(number: int, frame: object) -> None:
        last = threading.Timer(_PATIENCE, os._exit, (128 + number,))
        last.daemon = True
        last.start()
        loop.call_soon_threadsafe(leave)

    _handle(end)


def release() -> None:
    """From now on they end the process, as they do by default."""
    _handle(signal.SIG_DFL)


def _handle(how: Callable[[int, object], None] | signal.Handlers) -> None:
    """Only the main thread may."""
    for ending in _ENDINGS:
        with suppress(ValueError):
            signal.signal(ending, how)
