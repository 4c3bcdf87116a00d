"""Compute what is asked of one checkpoint: load it once, then yield each result as it is ready.

Knows neither database nor queue. A task that the tokenizer cannot express gives a result without values and with the
reason; a checkpoint that cannot be loaded raises, and so does a user's task file with an error.
"""

import os
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import torch

from circuit_core import loading
from circuit_core.errors import CheckpointError, CircuitError, TaskError, first_line
from circuit_core.forward import batches
from circuit_core.models.checkpoints import shape
from circuit_store import results
from circuit_sweep.planning.analyses import Analysis
from circuit_sweep.worker import messages
from circuit_sweep.worker.analyses import Analyses
from circuit_sweep.worker.messages import Message, WorkOrder

SMALL = 10_000_000
"""Parameters below which one thread is fastest: the matrices are too small to share."""
_STANDING = loading.StandingModel()
"""Of this process, which computes one checkpoint after another."""


Say = Callable[[Message], None]


class LoadedCheckpoint:
    """A loaded checkpoint.

    Args:
        device: as torch names it; `auto` takes a GPU if there is one.
        cores: threads of a model that is not small; None for all.
        held: results that are not computed again, by title.
        standing: the model of the checkpoint before, which may become this one.

    Raises:
        CircuitError: there is no such device, or the checkpoint cannot be loaded.
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
        self.device = device if device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
        try:
            torch.empty(1, device=self.device)
        except (RuntimeError, AssertionError):
            gpus = ", ".join(f"cuda:{i}" for i in range(torch.cuda.device_count()))
            raise CircuitError(f"There is no device {device}: choose auto, cpu{gpus and ', ' + gpus}.") from None
        self.threads = 1 if shape(folder).params < SMALL else max(1, cores or os.cpu_count() or 1)
        torch.set_num_threads(self.threads)
        self.loaded = loading.load(folder, self.device, getattr(torch, dtype), standing)
        self.analyses = Analyses(self.loaded, text, held or {})

    @property
    def fingerprint(self) -> str:
        return self.loaded.fingerprint

    def compute(self, analysis: Analysis) -> results.Record:
        """Raises: whatever goes wrong with it, but for a task that cannot be expressed."""
        try:
            return self.analyses(analysis)
        except TaskError as error:
            return results.Undefined(str(error))

    def one_by_one(
        self, order: WorkOrder, stopped: Callable[[], bool], say: Say | None
    ) -> Generator[Message, None, bool]:
        """Each result as it is ready; False if it is stopped before the last analysis.

        Raises: the first error of an analysis, after all others were done.
        """
        failed: Exception | None = None
        for place, analysis in enumerate(order.analyses):
            if place and analysis.computation != order.analyses[place - 1].computation and stopped():
                return False
            begun = messages.UnitProgress(order.unit, analysis.title, place / len(order.analyses))
            yield begun
            began = time.perf_counter()
            try:
                listener = say and (lambda done, of, begun=begun: say(begun.within(done, of)))
                with batches.within(batches.SHARE, order.batch), batches.within(batches.LISTENER, listener):
                    record = self.compute(analysis)
            except Exception as error:
                failed = failed or error
                continue
            yield messages.Result(order.unit, analysis, record, time.perf_counter() - began)
        if failed:
            raise failed
        return True


def work(
    order: WorkOrder, stopped: Callable[[], bool] = lambda: False, masked: bool = False, say: Say | None = None
) -> Iterator[Message]:
    """All that is to say of one order; the last message is a `UnitEnd`.

    Args:
        stopped: asked after every computation (`Analysis.computation`).
        masked: this process sees the order's GPU alone, as `cuda:0`.
        say: is told how far a long analysis is while it goes on.
    """
    try:
        if masked and not torch.cuda.is_available():
            raise CircuitError(
                f"There is no device {order.device}: choose auto, cpu, or a GPU that `nvidia-smi` lists."
            )
        device = "cuda:0" if masked else order.device
        loaded = LoadedCheckpoint(order.folder, device, order.dtype, order.text, order.cores, order.held, _STANDING)
        named = order.device if masked else loaded.device
        yield messages.CheckpointLoaded(order.unit, loaded.fingerprint, named, loaded.threads)
        whole = yield from loaded.one_by_one(order, stopped, say)
        yield messages.UnitFinished(order.unit) if whole else messages.UnitStopped(order.unit)
    except CheckpointError as error:
        yield messages.UnitFailed(order.unit, str(error), error.status)
    except Exception as error:
        if batches.ran_out(error):
            yield messages.WorkerDied(order.unit, f"out of memory: {first_line(error)}")
        else:
            said = str(error) if isinstance(error, CircuitError) else f"{type(error).__name__}: {first_line(error)}"
            yield messages.UnitFailed(order.unit, said)
