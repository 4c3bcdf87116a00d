"""Settle runs that are through, the trends of their models first, so that whoever waits for a run finds them.

Trends are computed beside the runner's loop, in a thread with a connection of its own, while the loop goes on hearing
workers and giving them units. Until then a run stays open: if the runner dies, the next one finds it so and settles it.
"""

import logging
import sqlite3
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing
from pathlib import Path

from circuit_store import trends
from circuit_store.connection import Connection
from circuit_store.queue import requests
from circuit_store.store import open_to_write
from circuit_sweep.runner import update_trends

log = logging.getLogger(__name__)


class Settling:
    """Of the runs of a store, by the runner that has `db` open; `beside` is to be left as a context when it ends."""

    def __init__(self, db: Connection, store: Path) -> None:
        self.db, self.store = db, store
        self.beside = ThreadPoolExecutor(1, "trends")
        self.runs: list[int] = []
        """Those that are through, whose trends are under way."""
        self.trends: Future[None] | None = None

    def go_on(self) -> bool:
        """Settle the runs whose trends are there, and begin with those of others that are through.

        Returns:
            Whether trends are under way.

        Raises:
            sqlite3.Error: the store cannot be read or written.
            StoreError: it is gone, or another lies in its place.
        """
        if self.trends and self.trends.done():
            ended, self.trends = self.trends, None
            ended.result()
            for run in self.runs:
                requests.close_runs(self.db, run)
        if self.trends is None and (runs := requests.finished_runs(self.db)):
            self.runs = runs
            self._begin({model: None for run in runs for model in trends.touched(self.db, run)})
        return self.trends is not None

    def _begin(self, models: Iterable[str]) -> None:
        self.db.in_place()
        self.trends = self.beside.submit(_refresh, open_to_write(self.store, make=False), models)

    def wait(self, seconds: float | None = None) -> bool:
        """Until the trends under way are there, or so long; False if none are under way."""
        if self.trends is None:
            return False
        wait([self.trends], seconds)
        return True

    def finish(self) -> None:
        """Settle all that is through, as `go_on` does."""
        with self.beside:
            while self.go_on():
                self.wait()


def _refresh(db: sqlite3.Connection, models: Iterable[str]) -> None:
    """A fault of one model's is for the log: its run ends all the same. Raises: sqlite3.Error."""
    with closing(db):
        for model in models:
            try:
                update_trends.refresh(db, model)
            except sqlite3.Error:
                raise
            except Exception:
                log.exception("the trends of %s", model)
