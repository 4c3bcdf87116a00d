"""A worker whose analyses each wait at a gate: the test says how many may pass, so that it knows what is under way.

The gate is a pipe in the folder `GATE`; what has begun there stands in a file beside it, a line an analysis. A worker
that is held before its first has begun `start`.
"""

import os
import sys
from multiprocessing.connection import Connection
from pathlib import Path


def serve(runner: Connection, visible: str | None) -> None:
    """The main function of such a worker's process."""
    gate = Path(os.environ["GATE"])
    passes = os.open(gate / "gate", os.O_RDONLY)

    def come(what: str) -> None:
        with open(gate / "begun", "a") as begun:
            begun.write(f"{what}\n")
        assert os.read(passes, 1)

    if held := next(gate.glob("start*"), None):
        held.unlink()
        come("start")
    from circuit_sweep.worker import checkpoint, process

    compute = checkpoint.LoadedCheckpoint.compute

    def wait(self: checkpoint.LoadedCheckpoint, analysis: checkpoint.Analysis) -> object:
        come(f"{self.fingerprint} {analysis.title}")
        return compute(self, analysis)

    class Inbox(process._Inbox):
        def __setattr__(self, name: str, value: object) -> None:
            super().__setattr__(name, value)
            if name == "stopped" and value is not None:
                (gate / "stopped").touch()

    checkpoint.LoadedCheckpoint.compute = wait  # type: ignore[method-assign]
    process._Inbox = Inbox  # type: ignore[misc]
    process.serve(runner, visible)


class Gate:
    """The test's side."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.passes = folder, 0
        os.mkfifo(folder / "gate")
        self.pipe = os.open(folder / "gate", os.O_RDWR)

    def let(self, analyses: int = 1) -> None:
        """So many more may pass."""
        self.passes += os.write(self.pipe, b"." * analyses)

    def open(self) -> None:
        """As many as will come may pass."""
        self.let(10_000)

    def anew(self) -> None:
        """Nothing has begun and none may pass, as at first; for when nobody is on the way."""
        left = self.passes - len(self.begun())
        assert left == 0 or len(os.read(self.pipe, left)) == left
        self.passes = 0
        for told in ("begun", "stopped"):
            (self.folder / told).unlink(missing_ok=True)

    def hold_starts(self, workers: int) -> None:
        """So many of the next workers come to the gate with their order, before they import torch: seconds each."""
        for number in range(workers):
            (self.folder / f"start{number}").touch()

    def forget(self) -> None:
        """Whoever waits has been killed, and will never pass."""
        self.passes += 1

    def waits(self) -> bool:
        """Whether an analysis has come that may not pass."""
        return len(self.begun()) > self.passes

    def environment(self) -> dict[str, str]:
        """Of a process whose runner's workers come to this gate."""
        here = Path(__file__).parent
        path = os.pathsep.join(map(str, [here / "gate", here, *sys.path]))
        return {"GATE": str(self.folder), "PYTHONPATH": path}

    def stopped(self) -> bool:
        """Whether the worker has heard that it is to stop."""
        return (self.folder / "stopped").exists()

    def begun(self) -> list[str]:
        """Fingerprint and title of every analysis that has begun, in order."""
        file = self.folder / "begun"
        return file.read_text().splitlines() if file.exists() else []
