"""Batches that do not fit are halved: every item is worked on once, in order, whatever failed on the way."""

import os
import subprocess
import sys

import pytest
import torch


def rows_of(n: int, size: int, most: int) -> list[tuple[int, int]]:
    """The batches that were finished, when at most `most` items fit in memory."""
    from circuit_core.forward.batches import in_batches

    def work(rows: slice) -> tuple[int, int]:
        if rows.stop - rows.start > most:
            raise torch.OutOfMemoryError("no room")
        return rows.start, rows.stop

    return list(in_batches(n, size, work))


@pytest.mark.parametrize(("n", "size", "most"), [(10, 10, 10), (10, 4, 9), (10, 10, 4), (7, 100, 1), (1, 1, 1)])
def test_every_item_is_worked_on_once_and_in_order(n, size, most):
    done = rows_of(n, size, most)
    assert [i for first, last in done for i in range(first, last)] == list(range(n))
    assert max(last - first for first, last in done) <= min(size, most)


def test_the_size_halves_until_it_fits():
    """10 fail, 5 fail, 2 fit; what follows stays at 2."""
    assert rows_of(10, 10, 4) == [(0, 2), (2, 4), (4, 6), (6, 8), (8, 10)]


def test_one_item_that_does_not_fit_is_the_users_to_solve():
    from circuit_core.errors import CircuitError

    with pytest.raises(CircuitError, match="a single prompt"):
        rows_of(3, 3, 0)


def test_other_errors_pass():
    from circuit_core.forward.batches import in_batches

    def work(rows: slice) -> None:
        raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes"):
        list(in_batches(4, 4, work))


def test_a_reduced_share_holds_within_its_block_alone():
    """Invariant: half the items there, none fewer than one, small batches whole; all of them outside, also after an
    error."""
    from circuit_core.forward.batches import HARMLESS, SHARE, fitting, within

    cpu = torch.device("cpu")
    with within(SHARE, 0.5):
        assert fitting(8, HARMLESS, cpu) == 4 and fitting(1, HARMLESS + 1, cpu) == 1
        assert fitting(8, HARMLESS // 8, cpu) == 8
        with pytest.raises(ValueError), within(SHARE, 0.25):
            assert fitting(8, HARMLESS, cpu) == 2
            raise ValueError
        assert fitting(8, HARMLESS, cpu) == 4
    assert fitting(8, HARMLESS, cpu) == 8


UNDER_A_LIMIT = """
import resource
from pathlib import Path

import numpy as np
import torch
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

from circuit_core import loading
from circuit_core.circuits import selection
from circuit_core.attribution.edge_scores import attribute
from circuit_core.interchange.evaluation import Evaluation
from circuit_core.loaded_model import LoadedModel
from circuit_core.patching.path_patching import path_patching
from circuit_core.tasks.metrics import LogitDifference
from circuit_core.tasks.prompts import PromptSet

class Watched(PromptSet):
    def __getitem__(self, rows):
        tried.append(rows.stop - rows.start)
        return super().__getitem__(rows)

torch.manual_seed(0)
torch.set_num_threads(1)
shape = dict(hidden_size=64, num_hidden_layers=2, num_attention_heads=4, intermediate_size=4096)
bridge = loading.as_bridge(GPTNeoXForCausalLM(GPTNeoXConfig(vocab_size=50, hidden_act="relu", **shape)))
graph, (clean, corrupted) = loading.graph_of(bridge), torch.randint(50, (2, 24, 64))
model = LoadedModel(bridge, graph)
prompts = Watched("x", clean, corrupted, torch.full((24,), 63), LogitDifference(clean[:, 0], corrupted[:, 0]))
ordered = [selection.order(np.random.default_rng(i).normal(size=graph.real.shape), graph, "topn") for i in (0, 1)]
masks = np.stack([selection.circuit(some, 60, graph) for some in ordered])
works = {
    "attribute": lambda rows: attribute(model, rows, "eap", batch=len(rows)).scores,
    "evaluate": lambda rows: Evaluation(model, rows).metrics(masks).numpy(),
    "patch": lambda rows: path_patching(model, rows, ["a1.h0<q>"], [(0, 0)]).patched[0, 0].numpy(),
}
ROOM = {"attribute": 60_000_000, "evaluate": 50_000_000, "patch": 40_000_000}
tried = []
parts = [slice(i, i + 8) for i in range(0, 24, 8)]
free = {name: [work(prompts[part]) for part in parts] for name, work in works.items()}
free = {name: np.mean(found, 0) if name == "attribute" else np.concatenate(found, -1) for name, found in free.items()}

for name, work in works.items():
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + ROOM[name], resource.RLIM_INFINITY))
    tried = []
    tight = work(prompts)
    print(name, tried[0], tried[-1], np.abs(tight - free[name]).max() / np.abs(free[name]).max())
"""


@pytest.mark.processes
def test_a_real_failed_allocation_halves_the_batch_and_leaves_the_numbers_alone():
    """A process whose address space holds a part of the prompts but not all: smaller batches, the same numbers.

    Tensors are mapped one by one, so that what earlier work gave back is no room for later work.
    """
    env = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "1000000"}
    done = subprocess.run([sys.executable, "-c", UNDER_A_LIMIT], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = [line.split() for line in done.stdout.splitlines()]
    assert [name for name, *_ in found] == ["attribute", "evaluate", "patch"]
    for name, first, last, difference in found:
        assert int(first) == 24 and int(last) < 24, name
        assert float(difference) < 1e-5, name


def test_what_is_made_of_items_is_made_once_until_memory_runs_out():
    """Invariant: all items are used again together; once that fails, what was made before is gone before the next."""
    from circuit_core.forward.batches import BatchCache

    made, most = [], 8

    class Made:
        alive = 0

        def __init__(self, rows: slice):
            assert Made.alive == 0
            made.append((rows.start, rows.stop))
            Made.alive += 1

        def __del__(self):
            Made.alive -= 1

    def work(made: Made, rows: slice) -> int:
        if rows.stop - rows.start > most:
            raise torch.OutOfMemoryError("no room")
        return rows.stop - rows.start

    turns = BatchCache(8, 8, Made)
    assert turns.each(work) == turns.each(work) == [8] and made == [(0, 8)]
    most = 3
    assert turns.each(work) == turns.each(work) == [2, 2, 2, 2]
    assert made[1:] == [(0, 4), (0, 2), (2, 4), (4, 6), (6, 8)] + [(0, 2), (2, 4), (4, 6), (6, 8)]
