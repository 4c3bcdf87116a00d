"""Checkpoints of the hub on their way into the local cache, in threads beside the runner's loop.

The unit that a slot takes and the one after it are fetched, no more than `AT_ONCE` at a time. What a sweep fetched goes
again, oldest first, as soon as its unit is over and more of it is there than `--disk` allows; what the cache held
before is never touched.
"""

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from circuit_core.errors import CheckpointError, FetchStopped
from circuit_core.models import hub, places

AT_ONCE = 2


class Fetch:
    """One revision on its way."""

    def __init__(self, repository: str, revision: str) -> None:
        self.repository, self.revision = repository, revision
        self.done = self.size = 0
        """Bytes."""
        self.commit = ""
        self.future: Future[Path]
        self.stopped = threading.Event()

    @property
    def fraction(self) -> float:
        return self.done / self.size if self.size else 0.0

    def run(self) -> Path:
        """Raises: CheckpointError."""
        of = hub.listing(self.repository, self.revision)
        self.size, self.commit = of.size, of.commit
        return hub.fetch(of, self._hear, self.stopped.is_set)

    def _hear(self, done: int, size: int) -> None:
        self.done, self.size = done, size


class Fetcher:
    """What is fetched, and what was.

    Args:
        disk: bytes that what was fetched may take; None for as many as there are.
    """

    def __init__(self, disk: int | None = None) -> None:
        self.disk = disk
        self.pool = ThreadPoolExecutor(AT_ONCE, "fetch")
        self.under_way: dict[tuple[str, str], Fetch] = {}
        self.fetched: dict[tuple[str, str], Fetch] = {}
        """In order; the first goes first."""

    def want(self, source: str, revision: str) -> Fetch | None:
        """Begin to fetch a checkpoint, or find how far it is; None if it is there."""
        repository = places.repository(source)
        if repository is None:
            return None
        key = repository, revision
        if key in self.under_way:
            return self.under_way[key]
        if hub.cached(*key) is not None:
            return None
        fetch = Fetch(*key)
        fetch.future = self.pool.submit(fetch.run)
        self.under_way[key] = fetch
        return fetch

    def room(self) -> bool:
        """Whether one more may be fetched ahead of its turn."""
        return self.disk is None or self._bytes() + max((f.size for f in self._all()), default=0) <= self.disk

    def arrived(self, fetch: Fetch) -> Path | None:
        """Where it lies; None while it is on its way. Raises: CheckpointError, if it did not come."""
        if not fetch.future.done():
            return None
        key = fetch.repository, fetch.revision
        if self.under_way.pop(key, None):
            try:
                found = fetch.future.result()
            except FetchStopped as error:
                raise CheckpointError(str(error)) from None
            except OSError as error:
                raise CheckpointError(f"{'@'.join(key)} cannot be fetched ({error}).") from None
            self.fetched[key] = fetch
            return found
        return hub.cached(*key)

    def over(self, source: str, revision: str) -> None:
        """Its unit has ended: if there is too much, what was fetched first goes, this at the latest."""
        repository = places.repository(source)
        if self.disk is None or repository is None or (repository, revision) not in self.fetched:
            return
        ended = repository, revision
        for key in list(self.fetched):
            if self._bytes() <= self.disk:
                return
            fetch = self.fetched.pop(key)
            hub.remove(fetch.repository, fetch.commit)
            if key == ended:
                return

    def stop(self, fetch: Fetch) -> None:
        """It is not wanted any more."""
        fetch.stopped.set()
        self.under_way.pop((fetch.repository, fetch.revision), None)

    def close(self) -> None:
        for fetch in self.under_way.values():
            fetch.stopped.set()
        self.pool.shutdown(wait=True, cancel_futures=True)

    def _all(self) -> list[Fetch]:
        return [*self.fetched.values(), *self.under_way.values()]

    def _bytes(self) -> int:
        return sum(fetch.size for fetch in self._all())
