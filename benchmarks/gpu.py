"""One script for a machine with a GPU: whether its scores are the CPU's, and how long it works and waits by analysis.

    python benchmarks/gpu.py [--device cuda] [--shapes 160m 410m 1.4b 2.8b] [--prompts 70] [--length 20] [--json]

Random GPT-NeoX models of Pythias' shapes, float32. First the EAP-IG scores of the first shape on the device beside the
CPU's. Then, a shape at a time, each analysis once: seconds, kernels, copies to the host (each one waits for the GPU),
the share of the time in which kernels ran, and the peak of memory. `floor` is the plain Hugging Face work of EAP-IG,
see `attribution.py`. A tiny shape runs first, unmeasured, so that libraries are loaded. Without a GPU the seconds alone
are measured.
"""

import argparse
import copy
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from attribution import STEPS, plain
from side_by_side import SHAPES, model_of_shape, prompts, vocabulary
from torch.profiler import ProfilerActivity, profile

from circuit_core.attribution.edge_scores import attribute
from circuit_core.behaviour import behaviour
from circuit_core.circuits import selection
from circuit_core.circuits.random_circuits import random_circuits
from circuit_core.circuits.search import minimal_circuit
from circuit_core.circuits.search_strategies import grid_sizes
from circuit_core.heads.attention import attention_roles, drawable
from circuit_core.heads.copy_suppression import copy_suppression
from circuit_core.heads.name_movers import copy_scores
from circuit_core.heads.text_rows import REFERENCE, SCORED, WIDTH
from circuit_core.interchange.evaluation import Evaluation
from circuit_core.loaded_model import LoadedModel
from circuit_core.loading import as_bridge, graph_of
from circuit_core.patching.path_patching import path_patching
from circuit_core.tasks.prompts import PromptSet
from circuit_core.tasks.specs import IOI_POSITIONS
from circuit_sweep.planning.request import DRAWS

TOP = 200


def agreement(shape: str, device: str, task: PromptSet) -> Iterator[tuple[str, dict[str, float]]]:
    """How near scores on the device are to the CPU's."""
    model: Any = model_of_shape(shape)
    found = []
    for place in ("cpu", device):
        bridge = as_bridge(copy.deepcopy(model).to(torch.device(place)))
        found.append(attribute(LoadedModel(bridge, graph_of(bridge)), task.to(torch.device(place))).scores)
    on_cpu, there = found
    first, second = (set(np.abs(scores).ravel().argsort()[-TOP:].tolist()) for scores in found)
    yield f"{shape} scores shared with the CPU", {f"of the top {TOP} (goal: at least 198)": len(first & second)}
    difference = float(np.abs(there - on_cpu).max() / np.abs(on_cpu).max())
    yield f"{shape} largest difference", {"of the largest score (goal: at most 1e-4)": difference}


def works(shape: str, device: str, task: PromptSet) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Each analysis of a model, in an order in which one may rest on the ones before."""
    with torch.device(device):
        model = model_of_shape(shape)
    yield "floor", lambda: plain(model, task, end_only=False)
    yield "end floor", lambda: plain(model, task, end_only=True)
    bridge = as_bridge(model)
    graph = graph_of(bridge)
    loaded = LoadedModel(bridge, graph)
    scores: list[np.ndarray] = []
    yield "attribution", lambda: scores.append(attribute(loaded, task, ig_steps=STEPS).scores)
    yield "greedy order", lambda: selection.order(scores[0], graph)
    sizes = [n for n in grid_sizes(graph.n_edges) if n < graph.n_edges // 2]
    yield "random circuits, a draw", lambda: random_circuits(sizes, graph, seed=0)
    yield "behaviour", lambda: behaviour(loaded, task)
    ids = drawable(model.config.vocab_size, []).to(device)
    yield "attention roles", lambda: attention_roles(loaded, ids, model.config.max_position_embeddings)
    yield "copy scores", lambda: copy_scores(loaded, task)
    scored, reference = (torch.randint(0, len(ids), (n, WIDTH), device=device) for n in (SCORED, REFERENCE))
    yield "copy suppression", lambda: copy_suppression(loaded, scored, reference, ids[:0])
    yield "patching to the logits", lambda: path_patching(loaded, task, "logits")
    queries = [f"a{graph.n_layers - 1}.h{head}<q>" for head in range(min(4, graph.n_heads))]
    yield "patching to queries", lambda: path_patching(loaded, task, queries)
    yield f"search, {DRAWS} draws", lambda: minimal_circuit(Evaluation(loaded, task), scores[0], draws=DRAWS)


def measured(work: Callable[[], Any], device: str) -> dict[str, float]:
    """What one run of a work takes; without a GPU its seconds alone."""
    if not device.startswith("cuda"):
        began = time.perf_counter()
        work()
        return {"seconds": time.perf_counter() - began}
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    with profile(activities=[ProfilerActivity.CUDA]) as seen:
        began = time.perf_counter()
        work()
        torch.cuda.synchronize()
        took = time.perf_counter() - began
    return {"seconds": took} | of_the_gpu(seen, took)


def of_the_gpu(seen: Any, took: float) -> dict[str, float]:
    """Kernels, copies to the host, share of the time in which the GPU was busy, and the peak of memory in GB."""
    events = [e for e in seen.profiler.kineto_results.events() if e.device_type().name == "CUDA"]
    kernels = sum(not e.name().startswith(("Memcpy", "Memset")) for e in events)
    syncs = sum(e.name().startswith("Memcpy DtoH") for e in events)
    busy = sum(e.duration_ns() for e in events) / 1e9 / took
    return {"kernels": kernels, "syncs": syncs, "busy": busy, "GB": torch.cuda.max_memory_allocated() / 1e9}


def random_prompts(shape: str, rows: int, length: int) -> PromptSet:
    """With places for the three names."""
    places = {who: torch.full((rows,), place) for place, who in enumerate(IOI_POSITIONS, 1)}
    return replace(prompts(rows, length, vocabulary(shape)), positions=places)


def said(name: str, found: dict[str, float], as_json: bool) -> None:
    if as_json:
        for unit, value in found.items():
            print(json.dumps({"name": name, "value": value, "unit": unit}), flush=True)
    else:
        print(f"{name:34}", "  ".join(f"{value:10.4g} {unit}" for unit, value in found.items()), flush=True)


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=["160m", "410m", "1.4b", "2.8b"])
    parser.add_argument("--prompts", type=int, default=70)
    parser.add_argument("--length", type=int, default=20)
    parser.add_argument("--json", action="store_true", help="a line of JSON for each figure")
    args = parser.parse_args(given)
    if args.device.startswith("cuda"):
        print(torch.cuda.get_device_name(args.device), "torch", torch.__version__, flush=True)
    device = torch.device(args.device)
    tiny, *tasks = (random_prompts(shape, args.prompts, args.length) for shape in ("tiny", *args.shapes))
    for name, found in agreement(args.shapes[0], args.device, tasks[0]):
        said(name, found, args.json)
    for _, work in works("tiny", args.device, tiny.to(device)):
        work()
    for shape, task in zip(args.shapes, tasks, strict=True):
        for name, work in works(shape, args.device, task.to(device)):
            said(f"{shape} {name}", measured(work, args.device), args.json)


if __name__ == "__main__":
    main()
