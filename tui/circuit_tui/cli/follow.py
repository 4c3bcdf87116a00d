"""Follow a run to its end: the runner is a process of its own, this one only watches the store.

If a runner lives, it is joined; when it ends with work left, a new one is started. Ctrl-C leaves finished results where
they are; the runner ends with it, unless somebody else asked for something.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as RichProgress

from circuit_store.connection import Connection
from circuit_store.display_text import plain
from circuit_store.queue import control, runs
from circuit_store.queue.runs import Progress, seconds_left
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
    with Bars(total) as bars:
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
                f"`{paths.program(self.store)} jobs cancel {self.run}` cancels it."
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


class Bars:
    """Progress on stderr: one bar for the sweep, one for the checkpoint under way, and an ETA.

    Without a terminal each finished checkpoint is one line.
    """

    def __init__(self, total: int) -> None:
        self.total, self.began, self.told = total, time.monotonic(), -1
        self.terminal = console.terminal(sys.stderr)
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[eta]}"),
        )
        self.rich = RichProgress(*columns, console=Console(stderr=True), disable=not self.terminal)
        self.sweep = self.rich.add_task("sweep", total=total, eta="")
        self.checkpoint = self.rich.add_task("starting", total=1.0, eta="")

    def __enter__(self) -> Self:
        self.rich.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.rich.stop()

    def show(self, progress: Progress | None) -> None:
        if progress is None:
            return
        finished = max(0, self.total - (progress.total - progress.done - progress.failed))
        self.rich.update(self.sweep, completed=finished, eta=self._eta(finished, progress))
        self.rich.update(
            self.checkpoint, description=plain(progress.current or "starting"), completed=progress.fraction
        )
        if not self.terminal and finished != self.told:
            self.told = finished
            console.told(f"{finished}/{self.total} checkpoints, {self._eta(finished, progress)}")

    def _eta(self, finished: int, progress: Progress) -> str:
        if finished >= self.total:
            return f"{time.monotonic() - self.began:.0f} s"
        left = seconds_left(self.total - finished - progress.fraction, progress.seconds_a_unit, progress.at_work)
        return "ETA --:--" if left is None else f"ETA {int(left) // 60:02}:{int(left) % 60:02}"
