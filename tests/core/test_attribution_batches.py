"""Batches that do not fit are halved: every item is worked on once, in order, whatever failed on the way."""

import subprocess
import sys

import pytest
import torch


def rows_of(n: int, size: int, most: int) -> list[tuple[int, int]]:
    """The batches that were finished, when at most `most` items fit in memory."""
    from circuit_core.circuits.batches import in_batches

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
    from circuit_core.circuits.batches import in_batches

    def work(rows: slice) -> None:
        raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes"):
        list(in_batches(4, 4, work))


UNDER_A_LIMIT = """
import resource
from pathlib import Path

import torch
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

from circuit_core import loading
from circuit_core.circuits.attribution import attribute
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
graph, (clean, corrupted) = loading.graph_of(bridge), torch.randint(50, (2, 96, 64))
prompts = Watched("x", clean, corrupted, torch.full((96,), 63), LogitDifference(clean[:, 0], corrupted[:, 0]))
tried = []
free = attribute(bridge, graph, prompts, "eap", batch=8).scores

taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (taken + 300_000_000, resource.RLIM_INFINITY))
tried = []
tight = attribute(bridge, graph, prompts, "eap", batch=96).scores
print(tried[0], tried[-1], abs(tight - free).max() / abs(free).max())
"""


def test_a_real_failed_allocation_halves_the_batch_and_leaves_the_scores_alone():
    """A process whose address space holds a part of the prompts but not all: smaller batches, the same scores."""
    done = subprocess.run([sys.executable, "-c", UNDER_A_LIMIT], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    first, last, difference = map(float, done.stdout.split())
    assert first == 96
    assert last < 96
    assert difference < 1e-5
