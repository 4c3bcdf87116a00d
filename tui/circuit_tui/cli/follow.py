"""Follow a run to its end: the runner is a process of its own, this one only watches the store.

If a runner lives, it is joined; when it ends with work left, a new one is started. Ctrl-C leaves finished results where
they are; the runner ends with it, unless somebody else asked for something.
"""

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from circuit_store.connection import Connection
from circuit_store.queue import control, runs
from circuit_store.queue.states import OPEN_RUNS
from circuit_sweep.runner import exit_codes, launch
from circuit_tui import paths
from circuit_tui.terminal import console

POLL = 0.2


class Interruption:
    """Ctrl-C within the block, and SIGTERM, which to a foreground sweep is the same: nothing goes on that nobody asked
    to go on. It is noted, not raised: an exception that comes in the middle of an import may be lost there."""

    def __init__(self) -> None:
        self.asked = False
        self._handled: dict[int, Any] = {}

    def __enter__(self) -> "Interruption":
        self._handled = {number: signal.signal(number, self._ask) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._handled.items():
            signal.signal(number, handler)

    def _ask(self, number: int, frame: object) -> None:
        self.asked = True


def follow(db: Connection, store: Path, run: int, total: int, interruption: Interruption) -> None:
    """Show progress until a run that this process asked for is settled; a runner that dies is an error.

    Raises: StoreMoved.
    """
    followed = FollowedRun(db, store, run)
    with _bars(total) as bars:
        while _unsettled(db, run) and not interruption.asked:
            followed.see_to_runner()
            bars.show(runs.progress(db, run))
            time.sleep(POLL)
        bars.show(runs.progress(db, run))
    if interruption.asked and _unsettled(db, run):
        followed.interrupt()
        raise SystemExit(130)
    control.withdraw(db, run, os.getpid())
    followed.end(3)


def _unsettled(db: Connection, run: int) -> bool:
    """Asked of the file that lies at the store's path, or of none. Raises: StoreMoved."""
    db.in_place()
    return runs.run_state(db, run) in OPEN_RUNS


def _bars(total: int):
    from circuit_tui.cli.progress import Bars

    return Bars(total)


class FollowedRun:
    """A run, and the runner if this process started it."""

    def __init__(self, db: Connection, store: Path, run: int) -> None:
        self.db, self.store, self.run = db, store, run
        self.process: subprocess.Popen[bytes] | None = None

    def see_to_runner(self) -> None:
        """Start a runner if none lives. Raises: SystemExit, if the one that was started has failed."""
        code = self.process.poll() if self.process else None
        if self.process and code is None or launch.alive(self.store):
            return
        if runs.run_state(self.db, self.run) not in OPEN_RUNS:
            return
        if code not in (None, exit_codes.DONE, exit_codes.JOINED):
            self._lost(code)
        self.process = launch.start(self.store, paths.log())

    def _lost(self, code: int | None) -> None:
        why = exit_codes.sentence(code or 0, self.store) or (
            f"the runner ended (code {code}); finished results are kept and the same command goes on. "
            f"What it said is in {paths.log()}."
        )
        console.told(f"circuit-tui: {why}")
        raise SystemExit(1)

    def interrupt(self) -> None:
        """Ctrl-C: this process wants the run no more."""
        if not control.withdraw(self.db, self.run, os.getpid()):
            console.told(
                f"Interrupted. Run {self.run} goes on, because it was asked for elsewhere too: "
                f"`{paths.program(self.store)} jobs cancel {self.run}` ends it."
            )
            return
        console.told(
            "Interrupted. What is finished stays; the same command, or "
            f"`{paths.program(self.store)} jobs resume {self.run}`, goes on from there."
        )
        if runs.progress(self.db) is None:
            self.end(0)

    def end(self, patience: float) -> None:
        """A runner that finishes is waited for; one that works for others is left alone."""
        if self.process is None:
            return
        for grace, end in ((patience, self.process.terminate), (10, self.process.kill)):
            try:
                self.process.wait(grace)
                return
            except subprocess.TimeoutExpired:
                if runs.progress(self.db) is not None:
                    return
                end()
        self.process.wait()
