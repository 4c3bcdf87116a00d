"""The runner as a process: one at a time for a store, what ends it, and the exit code it ends with.

It holds a lock on a file beside the store and says in the store who it is; a second one that finds it ends at once. The
lock falls with the process, and what a dead runner had under way is queued again by the next. SIGTERM and SIGINT put
what is under way back and end cleanly; SIGHUP, which a closing terminal sends, does nothing.
"""

import logging
import os
import platform
import sqlite3
from contextlib import suppress
from pathlib import Path

from circuit_core.errors import CircuitError
from circuit_store import filesystem
from circuit_store.errors import StoreError
from circuit_store.queue import requests, runners, units
from circuit_store.store import close_writer, open_to_write
from circuit_sweep.engines.interface import engine_of
from circuit_sweep.planning.slots import Slots
from circuit_sweep.runner import exit_codes, lock
from circuit_sweep.runner.runner import EndSignal, Runner
from circuit_sweep.runner.settling import Settling

log = logging.getLogger(__name__)


def run(store: Path, logged: Path | None = None) -> int:
    """Compute everything that is queued, then end; returns the exit code (see `exit_codes`).

    Args:
        logged: the file that this process' output goes to, for those who look for it.
    """
    end = EndSignal()
    end.listen()
    try:
        with lock.alone(store, lambda: end.heard) as free:
            return run_alone(store, logged, end) if free else exit_codes.ENDED if end.heard else exit_codes.JOINED
    except lock.LockUnusable as error:
        log.error("%s: %s", store, error)
        return exit_codes.UNLOCKED
    except StoreError as error:
        log.error("%s: %s", store, error)
        return exit_codes.LOST + sqlite3.SQLITE_CANTOPEN


def run_alone(store: Path, logged: Path | None, end: EndSignal) -> int:
    """`run`, by the process that holds the lock."""
    db = open_to_write(store, make=False)
    if filesystem.shared(store) and lock.beats_elsewhere(db):
        return exit_codes.REFUSED
    engine = runner = None
    try:
        runners.take(db, platform.node(), os.getpid())
        units.requeue_orphans(db)
        slots = Slots.read(requests.wanted_slots(db))
        engine = engine_of(slots)
        runner = Runner(db, store, engine, logged, end, slots.disk)
        runner.work()
        db.in_place()
        return exit_codes.ENDED if end.heard else exit_codes.DONE
    except (CircuitError, StoreError) as error:
        log.error("%s: %s", store, error)
        return exit_codes.code_of(error)
    except sqlite3.Error as error:
        code = exit_codes.MOVED if db.moved() else exit_codes.code_of(error)
        log.error("%s: %s (%s)", store, exit_codes.sentence(code, store), error)
        return code
    finally:
        if db.moved():
            db.close()  # at once: what lies at the path shall not meet its log
        if engine is not None:
            engine.close()
        if runner is not None:
            runner.fetcher.close()
        with suppress(sqlite3.Error):
            if not db.moved():
                units.requeue_orphans(db)
                Settling(db, store).finish()
                runners.leave(db, whatever=True)
            close_writer(db)
