"""Checkpoints of the hub on their way into the local cache, in threads beside the runner's loop.

The unit that a slot takes and the one after it are fetched, no more than `AT_ONCE` at a time. What has come is read
once, in the same thread: that tells what it holds, and leaves it in memory for the worker. What a sweep fetched goes
again, oldest first, as soon as its unit is over, or cancelled, and more of it is there than `--disk` allows; so do
partial files that this program began and left, also before it was killed. What the cache held before, and what other
programs fetch, is never touched.
"""

import threading
import time
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from circuit_core.errors import CheckpointError, FetchStopped
from circuit_core.models import hub, identity, places

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
        self.seen: identity.Source | None = None
        """What has come, once it has been read; None if that is not possible, of which its unit will tell."""
        self.seconds = 0.0
        """To fetch and read it."""
        self.over = False
        """Whether the unit that it was fetched for has ended."""

    @property
    def source(self) -> str:
        return places.HUB + self.repository

    @property
    def fraction(self) -> float:
        return self.done / self.size if self.size else 0.0

    def run(self) -> Path:
        """Raises: CheckpointError."""
        began = time.monotonic()
        of = hub.listing(self.repository, self.revision)
        self.size, self.commit = of.size, of.commit
        found = hub.fetch(of, self._hear, self.stopped.is_set)
        with suppress(CheckpointError, OSError):
            self.seen = places.seen(self.source, self.revision)
        self.seconds = time.monotonic() - began
        return found

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
        self.repositories: set[str] = set()
        self.dropped: list[Fetch] = []
        """Told to stop, and not done yet."""

    def want(self, source: str, revision: str) -> Fetch | None:
        """Begin to fetch a checkpoint, or find how far it is; None if it is there."""
        repository = places.repository(source)
        if repository is None:
            return None
        key = repository, revision
        if key in self.under_way:
            return self.under_way[key]
        if hub.cached(*key) is not None:
            if key in self.fetched:
                self.fetched[key].over = False
            return None
        self.repositories.add(repository)
        fetch = Fetch(*key)
        fetch.future = self.pool.submit(fetch.run)
        self.under_way[key] = fetch
        return fetch

    def makes_room(self) -> bool:
        """Whether one more may be fetched ahead of its turn, after what is over has gone for it."""
        if self.disk is None:
            return True
        one = max((fetch.size for fetch in self._all()), default=0)
        self.prune(one)
        return self._bytes() + one <= self.disk

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
        """Its unit has ended: if there is too much, what was fetched first of such goes."""
        if (fetch := self.fetched.get((places.repository(source) or "", revision))) is not None:
            fetch.over = True
        self.prune()

    def ahead(self, taken: Iterable[Fetch]) -> list[Fetch]:
        """What is fetched, or has been, for units that no slot has taken yet."""
        waited_for = [*taken]
        return [fetch for fetch in self.under_way.values() if fetch not in waited_for]

    def drop(self, fetch: Fetch) -> None:
        """It is not wanted any more. What has come by now counts as any other whose unit is over."""
        fetch.stopped.set()
        fetch.future.cancel()
        self.under_way.pop((fetch.repository, fetch.revision), None)
        self.dropped.append(fetch)
        self.prune()

    def prune(self, more: int = 0) -> None:
        """Keep to `disk`, with room for so many bytes more if what is over leaves it.

        First goes what was begun and is not wanted, then what was fetched first.
        """
        for fetch in [fetch for fetch in self.dropped if fetch.future.done()]:
            self.dropped.remove(fetch)
            if not fetch.future.cancelled() and fetch.future.exception() is None:
                fetch.over = True
                self.fetched[fetch.repository, fetch.revision] = fetch
        if self.disk is None:
            return
        most = self.disk - more
        for repository in self.repositories if self._bytes() > most else ():
            hub.remove_abandoned(repository)
        for key, fetch in list(self.fetched.items()):
            if self._bytes() <= most:
                return
            if fetch.over:
                del self.fetched[key]
                hub.remove(fetch.repository, fetch.commit)

    def close(self) -> None:
        for fetch in list(self.under_way.values()):
            self.drop(fetch)
        self.pool.shutdown(wait=True, cancel_futures=True)
        self.prune()

    def _all(self) -> list[Fetch]:
        return [*self.fetched.values(), *self.under_way.values()]

    def _bytes(self) -> int:
        begun = sum(sum(hub.abandoned(repository).values()) for repository in self.repositories)
        return begun + sum(fetch.size for fetch in self._all())
