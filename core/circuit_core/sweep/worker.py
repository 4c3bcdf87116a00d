"""Compute what is asked of one checkpoint: load it once, then yield each result as it is ready.

Knows neither database nor queue. A task that the tokenizer cannot express gives a result without values and with the
reason; a checkpoint that cannot be loaded raises, and so does a user's task file with an error.
"""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from circuit_core import loading
from circuit_core.checkpoints import shape
from circuit_core.errors import CircuitError, TaskError
from circuit_core.sweep.analyses import Analyses
from circuit_core.sweep.request import Job
from circuit_store import results

SMALL = 10_000_000
"""Parameters below which one thread is fastest: the matrices are too small to share."""


@dataclass(frozen=True)
class Computed:
    job: Job
    record: results.Record
    seconds: float


class Checkpoint:
    """A loaded checkpoint."""

    def __init__(self, folder: Path, device: str, dtype: str, text: str | None = None) -> None:
        self.device = _device(device)
        self.threads = 1 if shape(folder).params < SMALL else max(1, os.cpu_count() or 1)
        torch.set_num_threads(self.threads)
        self.loaded = loading.load(folder, self.device, getattr(torch, dtype))
        self.analyses = Analyses(self.loaded, text)

    @property
    def fingerprint(self) -> str:
        return self.loaded.fingerprint

    def compute(self, jobs: list[Job]) -> Iterator[Computed]:
        """Each job's result, in order. Raises: the first error of a job, after all others were done."""
        failed: Exception | None = None
        for job in jobs:
            began = time.perf_counter()
            try:
                record = self._record(job)
            except Exception as error:
                failed = failed or error
                continue
            yield Computed(job, record, time.perf_counter() - began)
        if failed:
            raise failed

    def _record(self, job: Job) -> results.Record:
        try:
            return self.analyses(job)
        except TaskError as error:
            return results.Undefined(str(error))


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
