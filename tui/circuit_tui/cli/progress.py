"""Progress of a foreground sweep on stderr: one bar for the sweep, one for the checkpoint under way, and an ETA.

Without a terminal each finished checkpoint is one line.
"""

import sys
import time
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as RichProgress

from circuit_store.display_text import plain
from circuit_store.queue.runs import Progress, seconds_left
from circuit_tui.terminal import console


class Bars:
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
