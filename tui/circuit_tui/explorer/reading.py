"""How the screens read the store: in threads, each asker over a connection of its own that only reads.

An asker (a pane, a page, a key) has one request at a time. A newer one interrupts it, and what it would have answered
is dropped; so does `stop` for all of them. Answers come on the event loop, which itself never waits for the database.
Connections are opened when first needed and closed with the file: once another lies at its path, `close` leads to that.
"""

import time
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

from circuit_store.connection import Connection
from circuit_store.store import open_to_read

T = TypeVar("T")
_THREADS = 4
_INSTRUCTIONS = 20_000
"""Of SQLite's machine, between two looks at whether a request is still wanted: well below a millisecond."""
_LONG = 0.3
"""Seconds after which somebody wonders what is going on."""


class _Desk:
    """Where one asker's requests are read, one after the other."""

    def __init__(self, store: Path):
        self.store = store
        self.db: Connection | None = None
        self.at_work = Lock()
        self.left = False
        """Nobody asks here any more: who reads last closes."""

    def leave(self) -> None:
        self.left = True
        if self.at_work.acquire(blocking=False):
            self._close()
            self.at_work.release()

    def read(self, request: "_Request") -> Any:
        with self.at_work:
            try:
                if not request.unwanted:
                    self.db = self.db or open_to_read(self.store)
                    return request.put(self.db)
            finally:
                if self.left:
                    self._close()

    def _close(self) -> None:
        if self.db:
            self.db.close()
        self.db = None


class _Request:
    def __init__(self, question: Callable[[Connection], Any], answer: Callable[[Any], None]):
        self.question, self.answer = question, answer
        self.began = time.monotonic()
        self.unwanted = False
        self._db: Connection | None = None
        self._held = Lock()

    def put(self, db: Connection) -> Any:
        """Ask; between two statements nothing is there to be interrupted, so each statement looks, too."""
        with self._held:
            self._db = db
        db.set_progress_handler(lambda: self.unwanted, _INSTRUCTIONS)
        try:
            return self.question(db)
        finally:
            db.set_progress_handler(None, 0)
            if db.in_transaction:
                db.execute("ROLLBACK")
            with self._held:
                self._db = None

    def drop(self) -> None:
        with self._held:
            self.unwanted = True
            if self._db:
                self._db.interrupt()


class Reader:
    """`later` runs something on the event loop, from any thread; `failed` is told there why nothing could be read."""

    def __init__(self, store: Path, later: Callable[[Callable[[], None]], Any], failed: Callable[[Exception], None]):
        self.store, self._later, self._failed = store, later, failed
        self._threads: ThreadPoolExecutor | None = None
        self._desks: dict[Hashable, _Desk] = {}
        self._open: dict[Hashable, _Request] = {}

    def ask(self, asker: Hashable, question: Callable[[Connection], T], answer: Callable[[T], None]) -> None:
        """Put a question in a thread, and give what it returns to `answer`, unless the asker asks anew before."""
        self.drop(asker)
        request = self._open[asker] = _Request(question, answer)
        desk = self._desks.setdefault(asker, _Desk(self.store))
        self._threads = self._threads or ThreadPoolExecutor(_THREADS, "reading")
        self._threads.submit(self._serve, asker, desk, request)

    def _serve(self, asker: Hashable, desk: _Desk, request: _Request) -> None:
        try:
            found = desk.read(request)
            outcome = partial(request.answer, found)
        except Exception as error:
            outcome = partial(self._failed, error)
        if not request.unwanted:
            self._later(partial(self._close, asker, request, outcome))

    def _close(self, asker: Hashable, request: _Request, outcome: Callable[[], None]) -> None:
        if self._open.get(asker) is request:
            del self._open[asker]
            outcome()

    def asks(self, asker: Hashable) -> bool:
        """Whether an answer is awaited."""
        return asker in self._open

    def drop(self, asker: Hashable) -> None:
        """What was asked is not wanted any more."""
        if request := self._open.pop(asker, None):
            request.drop()

    def leave(self, asker: Hashable) -> None:
        """It will not ask again."""
        self.drop(asker)
        if desk := self._desks.pop(asker, None):
            desk.leave()

    @property
    def busy(self) -> bool:
        return bool(self._open)

    @property
    def long(self) -> bool:
        """Whether something takes longer than one waits without wondering."""
        return any(time.monotonic() - request.began > _LONG for request in self._open.values())

    def stop(self) -> list[Hashable]:
        """Drop all that is asked. Returns who asked."""
        askers = list(self._open)
        for asker in askers:
            self.drop(asker)
        return askers

    def close(self) -> None:
        """Drop all, and close what is open; who asks again opens what lies at the path then."""
        for asker in list(self._desks):
            self.leave(asker)
        self.stop()
