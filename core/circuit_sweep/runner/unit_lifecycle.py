"""A unit from the queue to its results: the order that its worker gets, and what is done with the worker's messages."""

import logging
import math
import sqlite3
import time
from contextlib import suppress
from pathlib import Path

from circuit_core.errors import CheckpointError, CircuitError, first_line
from circuit_core.models import identity, places
from circuit_store import models, results, task_files
from circuit_store.display_text import plain
from circuit_store.queue import control, units
from circuit_store.queue.states import UnitState
from circuit_sweep.planning import task_names, texts
from circuit_sweep.planning.analyses import Analysis, analyses
from circuit_sweep.planning.request import Request
from circuit_sweep.planning.slots import Slot
from circuit_sweep.worker import messages
from circuit_sweep.worker.messages import Message, WorkOrder

log = logging.getLogger(__name__)
_OF_A_RECORD = (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.InterfaceError, sqlite3.ProgrammingError)
"""What SQLite says of rows that it does not take; all else it says of the file."""
HALF = 0.5
CHANGED = "its weights changed while they were read: run the same command again"
PAUSE = 0.25
"""Seconds at least between two notes of what a unit is at."""


class RunningUnit:
    """A unit that was taken. Seconds are by a clock that does not jump."""

    def __init__(self, db: sqlite3.Connection, store: Path, unit: units.Unit) -> None:
        self.db, self.store, self.unit = db, store, unit
        self.began, self.noted = time.monotonic(), -math.inf
        self.doing: messages.UnitProgress | None = None
        """What has begun and is not noted yet."""
        self.gives_way = False
        """Whether its worker was asked to stop for another unit, after which it goes on."""
        self.asked_to_stop: float | None = None
        """When its worker was asked to stop for good: the unit is not wanted any more."""
        self.source = identity.Source("", "", "")
        self.known: dict[str, str] = {}
        """`files` of what was fetched for it -> fingerprint."""
        self.ordered = 0.0
        """When its worker was told of it."""
        self.unwritten: str | None = None
        """Why a result could not be stored: the first that could not."""
        self.loaded: messages.CheckpointLoaded | None = None

    @property
    def folder(self) -> Path:
        """Raises: CheckpointError, if it is one of the hub that is not in the local cache."""
        return places.folder(self.unit.source, self.unit.revision)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    def order(self, slot: Slot, ahead: Path | None) -> WorkOrder | None:
        """What is to compute; None if the unit is settled already: nothing is missing, or it cannot be read."""
        try:
            return self._order(slot, ahead)
        except CheckpointError as error:
            self.say(messages.UnitFailed(self.unit.id, str(error), error.status))
        except (CircuitError, OSError) as error:
            self.say(messages.UnitFailed(self.unit.id, str(error)))
        return None

    def _order(self, slot: Slot, ahead: Path | None) -> WorkOrder | None:
        """Raises: CircuitError, OSError."""
        unit, request = self.unit, Request.read(self.unit.request)
        self.source = self._seen()
        there = results.held_keys(self.db, unit.model).get(unit.step, set())
        text = texts.chosen(self.db, request, unit.model, unit.suite)
        tasks = [task_names.spec(self.db, name) for name in request.tasks]
        missing = [analysis for analysis in analyses(request, tasks, text) if self._key(analysis) not in there]
        if not missing:
            models.holds(self.db, unit.checkpoint, self.source.identity)
            self._settle(UnitState.DONE)
            return None
        words = text and task_files.text_of(self.db, text)
        batch = HALF**unit.crashes
        used = {analysis.title: self._key(analysis) for of in missing for analysis in of.uses}
        held = {title: results.held(self.db, key) for title, key in used.items() if key in there}
        self.ordered = time.monotonic()
        return WorkOrder(
            unit.id, self.folder, missing, request.dtype, slot.device, words, slot.cores, batch, ahead, held
        )

    def _seen(self) -> identity.Source:
        """What it holds now. Raises: CheckpointError, OSError."""
        return places.seen(self.unit.source, self.unit.revision, models.known_weights(self.db) | self.known)

    def _key(self, analysis: Analysis) -> str:
        return analysis.key(f"{self.unit.model}@{self.unit.step}", self.source.identity)

    def fetched(self, fraction: float) -> None:
        """How far the hub's files of it are here."""
        self.doing = messages.UnitProgress(self.unit.id, "fetch", fraction)

    def came(self, seen: identity.Source | None, seconds: float) -> None:
        """It has come and was read, if that is possible."""
        self.known = {seen.files: seen.fingerprint} if seen else {}
        self.tell(f"fetched {seconds:.2f} s")

    def failed(self, error: CheckpointError) -> None:
        """It did not come."""
        self.say(messages.UnitFailed(self.unit.id, str(error), error.status))

    def say(self, message: Message) -> bool:
        """Write down what a worker says; True if that was the last of this unit."""
        if isinstance(message, messages.CheckpointLoaded):
            self._loaded(message)
        elif isinstance(message, messages.UnitProgress):
            self.doing = message
        elif isinstance(message, messages.Result):
            self._result(message)
        elif isinstance(message, messages.UnitFailed):
            if message.status:
                models.checkpoint_loaded(self.db, self.unit.checkpoint, message.status, detail=message.reason)
            self._settle(UnitState.FAILED, message.reason)
        elif isinstance(message, messages.WorkerDied):
            self.died(message.reason)
        elif isinstance(message, messages.UnitStopped):
            self.stopped()
        else:
            self._settle(UnitState.FAILED if self.unwritten else UnitState.DONE, self.unwritten)
        return isinstance(message, messages.UnitEnd)

    def died(self, reason: str) -> None:
        """Its worker is gone: once more in batches half as long, or failed. One that was to stop has stopped."""
        if self.asked_to_stop is not None:
            self.stopped()
        elif self.unit.crashed(self.seconds, reason):
            self.tell(f"{reason}; once more")
        else:
            self.tell(f"failed {self.seconds:.1f} s {reason}")

    def stopped(self) -> None:
        """It was not wanted any more, or gave way."""
        if self.asked_to_stop is None:
            self.unit.put_back(self.seconds)
            return self.tell(f"gave way {self.seconds:.1f} s")
        control.stopped(self.db, self.unit.id)
        self.tell(f"stopped {self.seconds:.1f} s")

    def _loaded(self, loaded: messages.CheckpointLoaded) -> None:
        """What it holds is read again, if it is there still: it may have changed before it was loaded."""
        self.loaded, checkpoint = loaded, self.unit.checkpoint
        self.tell(f"loaded {time.monotonic() - self.ordered:.2f} s")
        self.unit.computing_on(loaded.device)
        models.checkpoint_loaded(self.db, checkpoint, "ok", loaded.fingerprint)
        with suppress(CheckpointError, OSError):
            self.source = self._seen()
        if loaded.fingerprint == self.source.fingerprint:
            models.holds(self.db, checkpoint, self.source.identity)
            models.weights_seen(self.db, checkpoint, self.source.files, loaded.fingerprint)
        else:
            self.unwritten = CHANGED

    def _result(self, result: messages.Result) -> None:
        """It is dropped if it is of other files than are there."""
        assert self.loaded is not None
        if self.unwritten == CHANGED:
            return
        analysis, unit = result.analysis, self.unit
        task = analysis.task
        record = task and results.TaskRecord(task.label, task.hash, task.metric, task.prepend_bos)
        of = results.Provenance(
            key=self._key(analysis),
            run=unit.run,
            checkpoint=unit.checkpoint,
            analysis=analysis.kind,
            params=analysis.params,
            identity=self.source.identity,
            fingerprint=self.loaded.fingerprint,
            dtype=analysis.dtype,
            version=".".join(map(str, analysis.version)),
            seconds=result.seconds,
            role=analysis.role,
            task=record,
            device=self.loaded.device,
            threads=self.loaded.threads,
        )
        self._write(of, result.record, analysis.title)

    def show(self) -> None:
        """Note what is under way, if that has begun since the last note; one that comes too soon is made later."""
        if self.doing and time.monotonic() - self.noted > PAUSE:
            self.noted = time.monotonic()
            self.unit.doing(self.doing.what, self.doing.fraction)
            self.doing = None

    def _write(self, of: results.Provenance, record: results.Record, title: str) -> None:
        """A record that cannot be stored costs its analysis alone. Raises: sqlite3.Error, if the store cannot."""
        try:
            results.write(self.db, of, record)
        except Exception as error:
            if isinstance(error, sqlite3.Error) and not isinstance(error, _OF_A_RECORD):
                raise
            self.unwritten = self.unwritten or f"{title} cannot be stored: {first_line(error)}"
            self.tell(f"{title} cannot be stored: {error!r}")

    def _settle(self, state: UnitState, error: str | None = None) -> None:
        self.unit.finish(state, self.seconds, error)
        self.tell(f"{state} {self.seconds:.1f} s {error or ''}")

    def tell(self, what: str) -> None:
        """One line of the log."""
        log.info("%s run %d: %s@%d %s", self.store, self.unit.run, self.unit.model, self.unit.step, plain(what))
