"""The one process that computes for a store: takes unit after unit, writes each result as it is ready.

It holds a lock on a file beside the store; a second runner waits for it and then finds what is left, so nothing runs
twice. The lock falls with the process, and what a dead runner had under way is queued again. SIGTERM and SIGINT put the
current unit back and end cleanly.
"""

import fcntl
import logging
import os
import platform
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path

from circuit_core import __version__, checkpoints
from circuit_core.errors import CheckpointError, CircuitError
from circuit_core.sweep import texts, trending
from circuit_core.sweep.request import Job, Request, jobs
from circuit_core.sweep.task_names import specs
from circuit_store import models, requests, results, task_files, trends
from circuit_store.store import close_writer, open_to_write

log = logging.getLogger(__name__)
PACKAGES = ("torch", "transformers", "transformer-lens", "numpy")


class Stopped(BaseException):
    """The runner was asked to end."""


def run(store: Path) -> None:
    """Compute everything that is queued, then end."""
    with suppress(Stopped), _alone(store):
        db = open_to_write(store)
        try:
            requests.requeue_orphans(db)
            _work(db)
        except Stopped:
            requests.requeue_orphans(db)
        finally:
            _close(db)
            close_writer(db)


@contextmanager
def _alone(store: Path) -> Iterator[None]:
    def stop(signal_number: int, frame: object) -> None:
        raise Stopped

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    with open(f"{store}.lock", "a+") as file:
        os.chmod(file.name, 0o600)
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _work(db: sqlite3.Connection) -> None:
    described: set[int] = set()
    while (unit := requests.take_unit(db)) is not None:
        if unit.run not in described:
            _describe(db, unit.run)
            described.add(unit.run)
        began = time.monotonic()
        state, error = _compute(db, unit)
        requests.finish_unit(db, unit, state, time.monotonic() - began, error)
        log.info("%s@%d %s %.1f s %s", unit.model, unit.step, state, time.monotonic() - began, error or "")
        _close(db)


def _close(db: sqlite3.Connection) -> None:
    """Settle runs that are through, the trends of their models first, so that whoever waits finds them."""
    for run in requests.finished_runs(db):
        for model in trends.touched(db, run):
            try:
                trending.refresh(db, model)
            except Exception:
                log.exception("the trends of %s", model)
    requests.close_runs(db)


def _compute(db: sqlite3.Connection, unit: requests.Unit) -> tuple[str, str | None]:
    """Compute what a unit lacks; its final state, and the reason if that is `failed`."""
    from circuit_core.sweep.worker import Checkpoint

    request = Request.read(unit.request)
    folder = Path(unit.source) / unit.revision
    try:
        identity = checkpoints.identity(folder)
        held = results.held_keys(db, unit.checkpoint)
        text = texts.chosen(db, request, unit.suite)
        missing = [
            job for job in jobs(request, specs(db, request), text) if job.key(_address(unit), identity) not in held
        ]
        if not missing:
            return "done", None
        loaded = Checkpoint(folder, request.device, request.dtype, text and task_files.text_of(db, text))
        requests.computing_on(db, unit, loaded.device)
        models.checkpoint_loaded(db, unit.checkpoint, "ok", loaded.fingerprint)
        return _results(db, unit, loaded, missing, identity), None
    except CheckpointError as error:
        models.checkpoint_loaded(db, unit.checkpoint, error.status, detail=str(error))
        return "failed", str(error)
    except CircuitError as error:
        return "failed", str(error)
    except Exception as error:
        log.exception("%s@%d", unit.model, unit.step)
        return "failed", f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no message'}"


def _results(db: sqlite3.Connection, unit: requests.Unit, loaded, missing: list[Job], identity: str) -> str:
    requests.doing(db, unit, missing[0].title, 0)
    for done, computed in enumerate(loaded.compute(missing), 1):
        job = computed.job
        task = job.task and results.TaskRecord(job.task.name, job.task.hash, job.task.metric, job.task.prepend_bos)
        of = results.Provenance(
            key=job.key(_address(unit), identity),
            run=unit.run,
            checkpoint=unit.checkpoint,
            analysis=job.analysis,
            params=job.params,
            identity=identity,
            fingerprint=loaded.fingerprint,
            dtype=job.dtype,
            seconds=computed.seconds,
            role=job.role,
            task=task,
            device=loaded.device,
            threads=loaded.threads,
        )
        results.write(db, of, computed.record)
        if requests.cancelled(db, unit.run):
            return "cancelled"
        requests.doing(db, unit, missing[min(done, len(missing) - 1)].title, done / len(missing))
    return "done"


def _address(unit: requests.Unit) -> str:
    return f"{unit.model}@{unit.step}"


def _describe(db: sqlite3.Connection, run: int) -> None:
    versions = {"circuit-tui": __version__, "python": platform.python_version()}
    versions |= {name: version(name) for name in PACKAGES}
    requests.describe_runner(db, run, platform.node(), os.getpid(), versions)
