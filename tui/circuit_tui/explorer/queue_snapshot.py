"""One look at the queue: its runs, the units of one of them, whether a runner lives, and the GPUs. For a thread."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from circuit_store.errors import StoreError
from circuit_store.queue import runners, runs
from circuit_store.store import open_to_read
from circuit_sweep.runner import launch
from circuit_tui.explorer.gpus import Gpu, read

Row = dict[str, Any]


@dataclass(frozen=True)
class QueueSnapshot:
    """As the store has it at one moment."""

    runs: list[Row] = field(default_factory=list)
    """Newest first, as `runs.listed` gives them."""
    run: int | None = None
    """Whose units these are."""
    units: list[Row] = field(default_factory=list)
    runner: str | None = None
    """Process and host that compute, if any does."""
    gpus: list[Gpu] = field(default_factory=list)
    fault: str = ""
    """Why nothing can be read."""

    @property
    def row(self) -> Row | None:
        """The run whose units these are."""
        return next((row for row in self.runs if row["run"] == self.run), None)


def look(store: Path, run: int | None) -> QueueSnapshot:
    """The queue with the units of a run, or of the newest if that is not there."""
    try:
        with closing(open_to_read(store)) as db:
            listed = runs.listed(db)
            numbers = [row["run"] for row in listed]
            chosen = run if run in numbers else next(iter(numbers), None)
            units = runs.units(db, chosen) if chosen is not None else []
            holder = runners.holder(db)
            runner = f"process {holder.pid} on {holder.host}" if holder and launch.alive(store) else None
            return QueueSnapshot(listed, chosen, units, runner, read())
    except (StoreError, sqlite3.Error) as error:
        return QueueSnapshot(gpus=read(), fault=str(error))
