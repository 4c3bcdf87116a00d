"""Edge scores: the reference's figures, and what must hold for any model (METHODS b.10)."""

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch

from circuit_core.loaded_model import LoadedModel

pytestmark = pytest.mark.long

RULES = {
    "eap": (1, "paper"),
    "gradient_at_corrupted": (1, "code"),
    "eap_ig_code_rule_m5": (5, "code"),
    "eap_ig_code_rule_m30": (30, "code"),
    "eap_ig_paper_rule_m5": (5, "paper"),
}


def scores(golden, prompts=None, steps=1, rule="paper", batch=None) -> np.ndarray:
    from circuit_core.attribution.edge_scores import attribute

    return attribute(golden.loaded, prompts or golden.prompts, ig_steps=steps, ig_rule=rule, batch=batch).scores


@cache
def five_steps(golden) -> np.ndarray:
    """By the paper's rule, of all prompts."""
    return scores(golden, None, 5)


def largest_difference(a: np.ndarray, b: np.ndarray) -> float:
    """As a share of the largest |score|."""
    return float(np.abs(a - b).max() / np.abs(b).max())


@pytest.mark.parametrize("name", RULES)
def test_scores_equal_the_reference(golden, name):
    """Every edge within 1e-5 of the largest score, for EAP and both rules of EAP-IG."""
    assert largest_difference(scores(golden, None, *RULES[name]), golden.arrays[name]) < 1e-5


def test_the_inputs_edges_add_up_to_the_change_of_the_loss(golden):
    """Completeness: sum over v of S(input->v) -> loss(corrupted) - loss(clean) as the number of points grows."""
    few = golden.prompts[:3]
    with torch.no_grad():
        clean, corrupted = (few.metric(golden.bridge(p)[range(3), few.end]) for p in (few.clean, few.corrupted))
    total = scores(golden, few, 100, "midpoint")[0].sum()
    assert abs(total - (clean - corrupted).mean().item()) < 5e-4


def test_equal_runs_score_zero_and_swapped_answers_flip_signs(parallel):
    from circuit_core.tasks.metrics import LogitDifference

    prompts = parallel.prompts
    same = replace(prompts, corrupted=prompts.clean)
    assert np.abs(scores(parallel, same, 5)).max() == 0
    swapped = replace(prompts, metric=LogitDifference(prompts.metric.wrong, prompts.metric.correct))
    assert largest_difference(-scores(parallel, swapped, 5), five_steps(parallel)) < 1e-6


@pytest.mark.parametrize("batch", [1, 3, 10])
def test_batches_do_not_matter(parallel, batch):
    assert largest_difference(scores(parallel, None, 5, "paper", batch), five_steps(parallel)) < 1e-5


def test_the_order_of_prompts_does_not_matter(parallel):
    from circuit_core.tasks.metrics import LogitDifference

    p, mixed = parallel.prompts, torch.randperm(len(parallel.prompts), generator=torch.Generator().manual_seed(1))
    metric = LogitDifference(p.metric.correct[mixed], p.metric.wrong[mixed])
    shuffled = replace(p, clean=p.clean[mixed], corrupted=p.corrupted[mixed], end=p.end[mixed], metric=metric)
    assert largest_difference(scores(parallel, shuffled, 5), five_steps(parallel)) < 1e-5


def test_padding_does_not_matter(parallel):
    """Other ids and three more positions after the answer change nothing."""
    p = parallel.prompts
    wide = [torch.cat([x, torch.full((len(p), 3), 7)], 1) for x in (p.clean, p.corrupted)]
    for x in wide:
        x[torch.arange(x.shape[1])[None] > p.end[:, None]] = 5
    padded = replace(p, clean=wide[0], corrupted=wide[1])
    assert largest_difference(scores(parallel, padded, 5), five_steps(parallel)) < 1e-5


def test_folded_and_centred_weights_score_the_same(parallel, fresh_parallel):
    """Readers are normalised, so folding gains, centring, and hence a constant on all logits, leave scores alone."""
    from circuit_core.attribution.edge_scores import attribute

    twin = fresh_parallel
    twin.bridge.enable_compatibility_mode(disable_warnings=True)
    folded = attribute(twin.loaded, twin.prompts, ig_steps=2).scores
    assert largest_difference(folded, scores(parallel, None, 2)) < 1e-5


def test_points_of_the_rules():
    """`paper` holds the clean end, `code` the corrupted one, `midpoint` neither."""
    from circuit_core.attribution.edge_scores import points

    assert points(4, "paper") == [0.25, 0.5, 0.75, 1.0]
    assert points(4, "code") == [0.0, 0.25, 0.5, 0.75]
    assert points(2, "midpoint") == [0.25, 0.75]


def test_no_hook_stays_behind(parallel):
    """After a run the model holds no hook and gives the same logits as before."""
    before = parallel.bridge(parallel.prompts.clean)
    scores(parallel, None, 2)
    assert torch.equal(parallel.bridge(parallel.prompts.clean), before)
    points = parallel.bridge.hook_dict.values()
    assert not any(p.fwd_hooks or p.bwd_hooks for p in points)


def test_where_everything_after_a_source_is_linear_the_score_is_exact():
    """Norms made linear by a huge epsilon: EAP's `u->logits` is what leaving out that edge costs, for every source."""
    from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

    from circuit_core import loading
    from circuit_core.attribution.edge_scores import attribute
    from circuit_core.interchange.evaluation import Interchange
    from circuit_core.tasks.metrics import LogitDifference
    from circuit_core.tasks.prompts import PromptSet

    torch.manual_seed(0)
    sizes: dict[str, Any] = {"vocab_size": 30, "hidden_size": 24, "num_attention_heads": 3, "intermediate_size": 32}
    model = GPTNeoXForCausalLM(GPTNeoXConfig(**sizes, num_hidden_layers=2, layer_norm_eps=1e8))
    for name, p in model.named_parameters():
        torch.nn.init.normal_(p, mean=1e4 if "norm.weight" in name else 0.0, std=0.3)
    bridge = loading.as_bridge(model)
    graph = loading.graph_of(bridge)
    clean, corrupted = torch.randint(30, (2, 6, 9))
    prompts = PromptSet("x", clean, corrupted, torch.full((6,), 8), LogitDifference(clean[:, 0], corrupted[:, 0]))
    run = Interchange(LoadedModel(bridge, graph), prompts)
    masks = np.repeat(graph.real[None], graph.n_sources, 0)
    masks[np.arange(graph.n_sources), np.arange(graph.n_sources), graph.logits] = False
    exact = (run.clean.mean() - run.metrics(masks).mean(1)).numpy()
    estimated = attribute(LoadedModel(bridge, graph), prompts, "eap").scores[:, graph.logits]
    assert np.abs(exact).max() > 0.01
    assert np.abs(estimated - exact).max() < 1e-4 * np.abs(exact).max()


def test_nothing_differs_before_the_first_corrupted_position(parallel):
    """Corruption confined to one position: every source writes the same before it, so those positions score nothing."""
    from circuit_core.forward.residual_stream import Recorder, Weights, stack

    p0, bridge, graph = 4, parallel.bridge, parallel.graph
    clean = parallel.prompts.clean
    corrupted = clean.clone()
    corrupted[:, p0] = (corrupted[:, p0] + 1) % 97
    written = []
    for tokens in (corrupted, clean):
        recorder = Recorder(graph.n_layers)
        with bridge.hooks(fwd_hooks=recorder.hooks):
            bridge(tokens)
        written.append(recorder.writes)
    differences = stack(written[0], written[1], [Weights(bridge, i) for i in range(graph.n_layers)], graph)
    assert differences[:, :, :p0].abs().max() == 0
    assert differences[:, :, p0].abs().max() > 0
    assert replace(parallel.prompts, corrupted=corrupted).first_difference == p0
