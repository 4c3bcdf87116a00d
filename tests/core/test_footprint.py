"""Batches begin at a size that fits: what is measured stays within what is given, and numbers stay what they are."""

import gc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch.profiler import ProfilerActivity, profile

pytestmark = pytest.mark.long

ROOM = 2**23
"""Bytes for a batch: a fraction of what all prompts take together."""
N, POS, VOCAB = 75, 24, 400


@pytest.fixture(scope="module")
def works() -> dict[str, Callable[[], np.ndarray]]:
    """Each analysis of prompts, on a random model; numbers come out."""
    from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

    from circuit_core import loading
    from circuit_core.attribution.edge_scores import attribute
    from circuit_core.behaviour import behaviour
    from circuit_core.circuits import selection
    from circuit_core.heads.attention_from_end import attention_from_end
    from circuit_core.heads.copy_suppression import copy_suppression
    from circuit_core.heads.name_movers import copy_scores
    from circuit_core.interchange.evaluation import Evaluation
    from circuit_core.loaded_model import LoadedModel
    from circuit_core.patching.path_patching import path_patching
    from circuit_core.tasks.metrics import LogitDifference
    from circuit_core.tasks.prompts import PromptSet

    torch.manual_seed(0)
    shape: Any = {"hidden_size": 64, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 256}
    bridge = loading.as_bridge(GPTNeoXForCausalLM(GPTNeoXConfig(vocab_size=VOCAB, **shape)))
    model = LoadedModel(bridge, graph := loading.graph_of(bridge))
    clean, corrupted = torch.randint(VOCAB, (2, N, POS))
    at = {who: torch.full((N,), place) for place, who in enumerate(("IO", "S1", "S2"), 2)}
    metric = LogitDifference(clean[:, 2], clean[:, 3])
    prompts = PromptSet("x", clean, corrupted, torch.full((N,), POS - 1), metric, at)
    ranked = selection.order(np.random.default_rng(0).normal(size=graph.real.shape), graph, "topn")
    masks, words = selection.circuit(ranked, 60, graph)[None], torch.tensor([0])
    return {
        "attribution": lambda: attribute(model, prompts).scores,
        "evaluation": lambda: Evaluation(model, prompts).metrics(masks).numpy(),
        "patching": lambda: path_patching(model, prompts, ["a2.h0<q>"], [(0, 0), (1, 1)]).patched.numpy(),
        "behaviour": lambda: np.array([behaviour(model, prompts).value]),
        "copying": lambda: torch.stack([scores.value for scores in copy_scores(model, prompts)]).numpy(),
        "from end": lambda: torch.stack([s.value for s in attention_from_end(model, prompts).roles]).numpy(),
        "suppression": lambda: 1 - copy_suppression(model, clean[:25], corrupted, words).value.numpy(),
    }


def measured(work: Callable[[], np.ndarray]) -> tuple[np.ndarray, int]:
    """What it found, and the most bytes that tensors took at a time while it worked."""
    gc.collect()
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        found = work()
    recorded: Any = seen.profiler
    events = recorded.kineto_results.events()
    changes = sorted((e.start_ns(), e.nbytes()) for e in events if e.name() == "[memory]")
    return found, int(np.cumsum([change for _, change in changes]).max())


ALL = ("attribution", "evaluation", "patching", "behaviour", "copying", "from end", "suppression")


@pytest.mark.parametrize("name", ALL)
def test_what_an_analysis_takes_fits_in_what_it_is_given(works, name, monkeypatch):
    """Invariant: nothing fails, and the peak lies below the room, but not far: what it takes is known.

    Where a few senders, heads or circuits are treated abreast, it is one of them, as the guess has it.
    """
    from circuit_core.forward import batches
    from circuit_core.heads import copy_suppression, name_movers
    from circuit_core.interchange import activation_cache
    from circuit_core.patching import path_patching

    whole, whole_peak = measured(works[name])

    def one(n: int, each: int) -> list[Any]:
        return list(torch.arange(n).split(1))

    for module, what, small in (
        (activation_cache, "ABREAST", 1),
        (path_patching, "STACK", 1),
        (name_movers, "head_chunks", one),
        (copy_suppression, "head_chunks", one),
        (batches, "IN_MAIN_MEMORY", ROOM),
    ):
        monkeypatch.setattr(module, what, small)
    found, taken = measured(works[name])
    assert whole_peak > ROOM > taken > ROOM / 3
    assert np.allclose(found, whole, rtol=0, atol=1e-5 * np.nanmax(np.abs(whole)), equal_nan=True)
