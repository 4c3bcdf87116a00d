"""After a worker was killed the next attempt begins with half the items, in every analysis, and finds the same."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from comparing import unlike

from circuit_core.models import suites

pytestmark = pytest.mark.long

FOLDER = suites.sample_folder() / "sample-0.1m" / "step7000"


def order(batch: float, device: str = "cpu") -> Any:
    """All analyses of the smallest sample model, 20 prompts a task, circuits of ten edges."""
    from circuit_core.tasks.specs import TASKS
    from circuit_sweep.planning.analyses import analyses
    from circuit_sweep.planning.request import ANALYSES, Request
    from circuit_sweep.worker.messages import WorkOrder

    request = Request(tasks=("ioi", "greater_than"), analyses=ANALYSES, sizes=(10,))
    todo = analyses(request, [replace(TASKS[name], n=20) for name in request.tasks], "text")
    text = (suites.sample_folder() / "text.txt").read_text()
    return WorkOrder(1, FOLDER, todo, "float32", device, text, batch=batch)


@pytest.fixture
def tried(monkeypatch):
    """The length of the first batch of whatever is done in batches."""
    from circuit_core.forward import batches

    firsts: list[int] = []
    attempt = batches._attempt

    def watched(work: Any, rows: slice, of: str) -> Any:
        if rows.start == 0:
            firsts.append(rows.stop)
        return attempt(work, rows, of)

    monkeypatch.setattr(batches, "_attempt", watched)
    monkeypatch.setattr(batches, "HARMLESS", 0)
    return firsts


def test_the_second_attempt_begins_with_half_the_items_and_finds_the_same(tried):
    """Invariant: analysis by analysis half the batch, and every number within 1e-5 of the record's largest."""
    from circuit_sweep.worker.checkpoint import work
    from circuit_sweep.worker.messages import Result, UnitFinished

    found: list[dict[str, Any]] = []
    lengths: list[list[int]] = []
    for batch in (1.0, 0.5):
        tried.clear()
        *said, last = work(order(batch))
        assert isinstance(last, UnitFinished), last
        found.append({m.analysis.title: m.record for m in said if isinstance(m, Result)})
        lengths.append(tried.copy())
    whole, half = lengths
    assert set(whole) >= {20, 16, 17, 100} and half == [n // 2 for n in whole]
    assert {analysis.title for analysis in order(1.0).analyses} == found[0].keys()
    assert not unlike(found[1], found[0])


def test_memory_that_runs_out_is_worth_a_second_attempt(monkeypatch):
    """Invariant: a worker without memory says `WorkerDied`, which is tried once more; other errors are `UnitFailed`."""
    from circuit_sweep.worker import checkpoint
    from circuit_sweep.worker.messages import UnitFailed, WorkerDied

    for error, says in (
        (torch.OutOfMemoryError("no room"), WorkerDied),
        (RuntimeError("shapes do not match"), UnitFailed),
    ):

        def broken(*given: Any, error: Exception = error) -> None:
            raise error

        monkeypatch.setattr(checkpoint.LoadedCheckpoint, "compute", broken)
        *_, last = checkpoint.work(order(1.0))
        assert type(last) is says
