"""Compute what is asked of one checkpoint: load it once, then yield each result as it is ready.

Knows neither database nor queue. A task that the tokenizer cannot express gives a result without values and with the
reason; a checkpoint that cannot be loaded raises, and so does a user's task file with an error.
"""

import os
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from circuit_core import loading
from circuit_core.errors import CheckpointError, CircuitError, TaskError, first_line
from circuit_core.forward import batches
from circuit_core.models.checkpoints import shape
from circuit_store import results
from circuit_sweep.planning.analyses import Job
from circuit_sweep.worker import messages
from circuit_sweep.worker.analyses import Analyses
from circuit_sweep.worker.messages import Message, WorkOrder

SMALL = 10_000_000
"""Parameters below which one thread is fastest: the matrices are too small to share."""
_STANDING = loading.StandingModel()
"""Of this process, which computes one checkpoint after another."""


@dataclass(frozen=True)
class Computed:
    job: Job
    record: results.Record
    seconds: float


class LoadedCheckpoint:
    """A loaded checkpoint.

    Args:
        device: as torch names it; `auto` takes a GPU if there is one.
        cores: threads of a model that is not small; None for all.
        held: results that are not computed again, by title.
        standing: the model of the checkpoint before, which may become this one.
    """

    def __init__(
        self,
        folder: Path,
        device: str,
        dtype: str,
        text: str | None = None,
        cores: int | None = None,
        held: dict[str, results.Held] | None = None,
        standing: loading.StandingModel | None = None,
    ) -> None:
        self.device = _device(device)
        self.threads = 1 if shape(folder).params < SMALL else max(1, cores or os.cpu_count() or 1)
        torch.set_num_threads(self.threads)
        self.loaded = loading.load(folder, self.device, getattr(torch, dtype), standing)
        self.analyses = Analyses(self.loaded, text, held or {})

    @property
    def fingerprint(self) -> str:
        return self.loaded.fingerprint

    def compute(self, job: Job) -> Computed:
        """Raises: whatever goes wrong with it."""
        began = time.perf_counter()
        record = self._record(job)
        return Computed(job, record, time.perf_counter() - began)

    def _record(self, job: Job) -> results.Record:
        try:
            return self.analyses(job)
        except TaskError as error:
            return results.Undefined(str(error))


Say = Callable[[Message], None]


def work(
    order: WorkOrder, stopped: Callable[[], bool] = lambda: False, masked: bool = False, say: Say | None = None
) -> Iterator[Message]:
    """All that is to say of one order; the last message is a `UnitEnd`.

    Args:
        stopped: asked after every computation (`Job.computation`).
        masked: this process sees the order's GPU alone, as `cuda:0`.
        say: is told how far a long job is while it goes on.
    """
    try:
        yield from _work(order, stopped, masked, say)
    except CheckpointError as error:
        yield messages.UnitFailed(order.unit, str(error), error.status)
    except Exception as error:
        if batches.ran_out(error):
            yield messages.WorkerDied(order.unit, f"out of memory: {first_line(error)}")
        else:
            known = isinstance(error, CircuitError)
            yield messages.UnitFailed(
                order.unit, str(error) if known else f"{type(error).__name__}: {first_line(error)}"
            )


def _work(order: WorkOrder, stopped: Callable[[], bool], masked: bool, say: Say | None) -> Iterator[Message]:
    """Raises: whatever goes wrong."""
    batches.limit(order.batch)
    device = _seen(order.device, masked)
    loaded = LoadedCheckpoint(order.folder, device, order.dtype, order.text, order.cores, order.held, _STANDING)
    named = order.device if masked else loaded.device
    yield messages.CheckpointLoaded(order.unit, loaded.fingerprint, named, loaded.threads)
    whole = yield from _compute(loaded, order, stopped, say)
    yield messages.UnitFinished(order.unit) if whole else messages.UnitStopped(order.unit)


def _compute(
    loaded: LoadedCheckpoint, order: WorkOrder, stopped: Callable[[], bool], say: Say | None
) -> Generator[Message, None, bool]:
    """Job by job; False if it is stopped before the last.

    Raises: the first error of a job, after all others were done.
    """
    failed: Exception | None = None
    for place, job in enumerate(order.jobs):
        if place and job.computation != order.jobs[place - 1].computation and stopped():
            return False
        begun = messages.UnitProgress(order.unit, job.title, place / len(order.jobs))
        yield begun
        try:
            with batches.heard(say and (lambda done, of, begun=begun: say(begun.within(done, of)))):
                computed = loaded.compute(job)
        except Exception as error:
            failed = failed or error
            continue
        yield messages.Result(order.unit, computed.job, computed.record, computed.seconds)
    if failed:
        raise failed
    return True


def _seen(device: str, masked: bool) -> str:
    """What torch calls the device here. Raises: CircuitError, if there is no such GPU."""
    if masked and not torch.cuda.is_available():
        raise CircuitError(f"There is no device {device}: choose auto, cpu, or a GPU that `nvidia-smi` lists.")
    return "cuda:0" if masked else device


def _device(name: str) -> str:
    """Raises: CircuitError, if there is no such device."""
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(1, device=name)
    except (RuntimeError, AssertionError):
        gpus = ", ".join(f"cuda:{i}" for i in range(torch.cuda.device_count()))
        raise CircuitError(f"There is no device {name}: choose auto, cpu{gpus and ', ' + gpus}.") from None
    return name
