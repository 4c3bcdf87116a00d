"""On a GPU: what the CPU finds, in what memory there is, by workers that each see one GPU (`make test-gpu`)."""

import gc
from typing import Any

import numpy as np
import pytest
import recorded
import torch
from comparing import unlike

from circuit_core.models import suites
from circuit_core.tasks.specs import TASKS
from circuit_store import results
from circuit_sweep.planning.analyses import analyses
from circuit_sweep.planning.request import ANALYSES, Request
from circuit_sweep.worker.checkpoint import LoadedCheckpoint

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.processes,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU"),
]
TEXT = (suites.sample_folder() / "text.txt").read_text()


def wanted(**asked: Any) -> list[Any]:
    request = Request(tasks=tuple(TASKS), analyses=ANALYSES, **asked)
    return analyses(request, [TASKS[name] for name in request.tasks], "sample")


def computed(model: str, device: str, dtype: str = "float32", **asked: Any) -> dict[str, results.Record]:
    """Every analysis of a sample model's last checkpoint, by title."""
    last = LoadedCheckpoint(suites.sample_folder() / model / "step7000", device, dtype, TEXT)
    return {analysis.title: last.compute(analysis) for analysis in wanted(**asked)}


@pytest.mark.parametrize("model", ["sample-0.1m", "sample-0.2m", "sample-0.4m"])
def test_every_analysis_finds_what_the_cpu_finds(model):
    """Invariant: the same members, sizes and heads; every number within 1e-4 of the record's largest. Attention rows
    are kept in ten-thousandths, of which one may be rounded to the next."""
    on_gpu, on_cpu = computed(model, "cuda"), computed(model, "cpu")
    rows = {title for title in on_cpu if title.startswith("attention")}
    assert not unlike(*({t: r for t, r in found.items() if t in rows} for found in (on_gpu, on_cpu)), within=1.1e-4)
    assert not unlike(*({t: r for t, r in found.items() if t not in rows} for found in (on_gpu, on_cpu)), within=1e-4)
    for title, record in on_cpu.items():
        there, here = (recorded.rows(of, "circuit_edge") for of in (on_gpu[title], record))
        assert [(e["src"], e["port"]) for e in there] == [(e["src"], e["port"]) for e in here], title


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_comes_close(dtype):
    single, half = (computed("sample-0.1m", "cuda", t, sizes=(20, 60)) for t in ("float32", dtype))
    for title, record in single.items():
        assert type(half[title]) is type(record), title
        for near, circuit in zip(*(recorded.rows(of, "circuit") for of in (half[title], record)), strict=True):
            if circuit["faithfulness"] is not None:
                assert near["faithfulness"] == pytest.approx(circuit["faithfulness"], abs=0.03), title


@pytest.mark.parametrize("method", ["eap", "clean-corrupted", "eap-ig-activations", "exact"])
def test_every_method_scores_as_on_the_cpu(method):
    found = [computed("sample-0.1m", device, method=method, sizes=(20,))["circuit ioi"] for device in ("cuda", "cpu")]
    assert not unlike({method: found[0]}, {method: found[1]}, within=1e-4)


def test_where_another_user_leaves_little_batches_fit():
    """Invariant: with the GPU all but full the same scores are found, in smaller batches."""
    from circuit_core.attribution.edge_scores import attribute
    from circuit_core.forward import batches
    from circuit_sweep.worker.analyses import Analyses

    last = LoadedCheckpoint(suites.sample_folder() / "sample-0.4m" / "step7000", "cuda", "float32", TEXT)
    of, task = last.loaded, Analyses(last.loaded).prompts(TASKS["ioi"])
    whole = attribute(of, task).scores
    gc.collect()
    torch.cuda.empty_cache()
    free = torch.cuda.mem_get_info()[0]
    kept = torch.empty(free - 2**28, dtype=torch.uint8, device="cuda")
    try:
        assert batches.fitting(10**9, 2**20, kept.device) < 2**8
        little = attribute(of, task).scores
    finally:
        del kept
        torch.cuda.empty_cache()
    assert np.abs(little - whole).max() < 1e-5 * np.abs(whole).max()


def test_an_allocation_that_fails_halves_the_batch(monkeypatch):
    """Invariant: where the guess is far too large, the batch is halved until it fits, and the scores stay."""
    from circuit_core.attribution import edge_scores
    from circuit_sweep.worker.analyses import Analyses

    last = LoadedCheckpoint(suites.sample_folder() / "sample-0.4m" / "step7000", "cuda", "float32", TEXT)
    of, task = last.loaded, Analyses(last.loaded).prompts(TASKS["ioi"])
    torch.cuda.reset_peak_memory_stats()
    whole = edge_scores.attribute(of, task).scores
    needed = torch.cuda.max_memory_allocated() - torch.cuda.memory_allocated()
    sizes: list[int] = []
    passes = edge_scores.Passes

    def watched(model: Any, some: Any, kept: Any) -> Any:
        sizes.append(len(some))
        return passes(model, some, kept)

    monkeypatch.setattr(edge_scores, "Passes", watched)
    monkeypatch.setattr(edge_scores, "fitting", lambda n, each, device: n)
    gc.collect()
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(0).total_memory
    used = torch.cuda.memory_reserved()
    torch.cuda.set_per_process_memory_fraction((used + needed // 2) / total)
    try:
        halved = edge_scores.attribute(of, task).scores
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert sizes[0] == len(task) and min(sizes) < len(task)
    assert np.abs(halved - whole).max() < 1e-5 * np.abs(whole).max()


def test_a_sweep_on_a_gpu(bench):
    """Invariant: two workers on one GPU compute the suite; results say so; `auto` takes the GPU; what is not there is
    refused in one sentence."""
    bench("run", "sample-0.1m", "sample-0.2m", "--device", "cuda:0", "--per-gpu", "2", "--checkpoints", "final")
    assert bench.ask("SELECT DISTINCT device FROM result") == [("cuda:0",)]
    bench("run", "sample-0.4m", "--checkpoints", "final", "--analyses", "behaviour")
    assert bench.ask("SELECT DISTINCT substr(device, 1, 4) FROM result") == [("cuda",)]
    out, err = bench(
        "run", "sample-0.4m", "--device", "cuda:99", "--checkpoints", "0", "--analyses", "behaviour", code=1
    )
    assert "There is no device cuda:99" in out + err


def test_the_queue_shows_the_gpu():
    pytest.importorskip("pynvml")
    from circuit_tui.explorer import gpus

    first = gpus.read()[0]
    assert 0 < first.used < first.total and first.name
