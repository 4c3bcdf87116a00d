"""Circuit evaluation: the reference's metrics, and the two ends that are known exactly (METHODS c.4)."""

import numpy as np
import pytest
import torch
from by_hooks import by_hooks
from families import FAMILIES, random_model, random_prompts

from circuit_core.loaded_model import LoadedModel

pytestmark = pytest.mark.long

CASES = [
    *((family, None) for family in FAMILIES),
    ("GPTNeoX", "no biases, sequential"),
    ("StableLm", "parallel, normed"),
    ("Phi", "normed"),
]


@pytest.fixture(scope="module")
def run(golden):
    from circuit_core.interchange.evaluation import Interchange

    return Interchange(golden.loaded, golden.prompts)


def test_clean_and_corrupted_metrics_of_the_reference(golden, run):
    assert run.clean.mean().item() == pytest.approx(golden.figures["metric_clean"], abs=1e-5)
    assert run.corrupted.mean().item() == pytest.approx(golden.figures["metric_corrupted"], abs=1e-5)


def test_metrics_of_the_references_circuits(golden, run):
    """Every selector and size within 1e-5, several circuits side by side."""
    cases = golden.figures["circuits"]
    masks = np.stack([golden.arrays[f"mask_{c['selector']}_{c['n_requested']}"] for c in cases])
    metrics = run.metrics(masks).mean(1)
    assert metrics.tolist() == pytest.approx([c["metric"] for c in cases], abs=1e-5)


def test_the_full_circuit_is_the_model_and_the_empty_one_the_corrupted_run(golden, run):
    full, empty = run.metrics(np.stack([golden.graph.real, np.zeros_like(golden.graph.real)]))
    assert torch.allclose(full, run.clean, atol=1e-5)
    assert torch.allclose(empty, run.corrupted, atol=1e-5)


def test_pruning_never_changes_the_result(golden, run):
    """A dropped edge carried no difference: random circuits, unpruned and pruned, agree example by example."""
    from circuit_core.circuits.selection import prune

    rng = np.random.default_rng(0)
    masks = np.stack([golden.graph.real & (rng.random(golden.graph.real.shape) < share) for share in (0.1, 0.3, 0.6)])
    pruned = np.stack([prune(m, golden.graph) for m in masks])
    assert (pruned != masks).any()
    assert torch.allclose(run.metrics(masks), run.metrics(pruned), atol=1e-5)


def test_leaving_out_one_edge_costs_its_exact_score(golden, run):
    """The loss of the model without one edge, minus the model's, is the exact patching score of the reference."""
    edges = list(zip(*np.nonzero(golden.graph.real), strict=True))[::5]
    masks = np.repeat(golden.graph.real[None], len(edges), 0)
    for mask, edge in zip(masks, edges, strict=True):
        mask[edge] = False
    losses = (run.clean.mean() - run.metrics(masks).mean(1)).numpy()
    exact = np.array([golden.arrays["exact"][e] for e in edges])
    assert np.abs(losses - exact).max() < 1e-5


def test_scores_predict_what_leaving_out_an_edge_does(golden, run):
    """A prediction meets an intervention: EAP-IG scores correlate with the exact cost (METHODS b.4: .82 to .92)."""
    real = golden.graph.real
    r = np.corrcoef(golden.arrays["eap_ig_paper_rule_m5"][real], golden.arrays["exact"][real])[0, 1]
    assert r > 0.75


def random_run(family: str, option: str | None = None):
    """Of a model of three layers."""
    from circuit_core import loading
    from circuit_core.interchange.evaluation import Interchange

    bridge = loading.as_bridge(random_model(family, option, num_hidden_layers=3))
    return Interchange(LoadedModel(bridge, loading.graph_of(bridge)), random_prompts())


@pytest.fixture(scope="module", params=CASES, ids=[f"{family}, {option}" for family, option in CASES])
def random(request):
    return random_run(*request.param)


def masks_of_all_kinds(graph):
    """Sparse to dense; whole up to a layer, so that nodes are clean; and the last layer alone, read at the answer."""
    rng = np.random.default_rng(0)
    drawn = [graph.real & (rng.random(graph.real.shape) < share) for share in (0.05, 0.2, 0.5, 0.9)]
    late = np.arange(graph.n_ports) >= graph.head_ports(1, "q").start
    last = np.arange(graph.n_ports) >= graph.head_ports(2, "q").start
    return np.stack([*drawn, graph.real & (~late | drawn[2]), drawn[3] & last])


def test_two_roads_to_one_metric(random):
    """In every family the metric is that of a hooked run of the whole model, example by example."""
    masks = masks_of_all_kinds(random.graph)
    slow = torch.stack([by_hooks(random, mask) for mask in masks])
    assert slow.std(0).mean() > 0.05
    assert torch.allclose(random.metrics(masks), slow, atol=2e-5, rtol=1e-5)


def test_circuits_side_by_side_do_not_touch_each_other(random):
    """Alone, in pairs or all together: the same metrics."""
    masks = masks_of_all_kinds(random.graph)
    together = random.metrics(masks)
    assert random.basis.abreast >= len(masks)
    for n in (1, 2):
        parts = [random.metrics(masks[i : i + n]) for i in range(0, len(masks), n)]
        assert torch.allclose(torch.cat(parts), together, atol=1e-5)


def test_attention_that_does_more_is_refused():
    """A soft cap of the scores would be left out silently."""
    from circuit_core.errors import UnsupportedModel
    from circuit_core.forward.attention_replay import AttentionReplay

    q, k, v = torch.randn(3, 2, 5, 3, 4, generator=torch.Generator().manual_seed(0))
    scores = torch.einsum("bqhe,bkhe->bhqk", q, k)
    assert AttentionReplay({"q": q, "k": k, "v": v, "attn_scores": scores / 2}).scale == pytest.approx(0.5)
    with pytest.raises(UnsupportedModel, match="than a plain product"):
        AttentionReplay({"q": q, "k": k, "v": v, "attn_scores": scores.tanh()})


def test_what_feeds_only_the_answer_is_needed_there_alone(parallel):
    """By hand: through an MLP, a query, a key, a node that is clean, and one that is not."""
    from circuit_core.interchange.required_nodes import ANSWER, EVERYWHERE, NOWHERE, RequiredNodes

    graph = parallel.graph

    def needed(*edges):
        mask = np.zeros_like(graph.real)
        for edge in edges:
            mask[graph.edge(edge)] = True
        return RequiredNodes(mask[None], graph)

    node, port = graph.source_index, graph.port_index
    mlp = needed("input->a0.h0<v>", "a0.h0->m1", "m1->logits")
    assert [mlp.source[node(n)] for n in ("input", "a0.h0", "m1", "m0")] == [EVERYWHERE, ANSWER, ANSWER, NOWHERE]
    query = needed("input->a0.h0<q>", "a0.h0->a1.h0<q>", "a1.h0->logits")
    assert [query.source[node(n)] for n in ("input", "a0.h0", "a1.h0")] == [ANSWER, ANSWER, ANSWER]
    key = needed("input->a0.h0<q>", "a0.h0->a1.h0<k>", "a1.h0->logits")
    assert [key.source[node(n)] for n in ("input", "a0.h0", "a1.h0")] == [EVERYWHERE, EVERYWHERE, ANSWER]
    whole = needed("input->m0", "m0->logits")
    assert whole.clean[node("m0")] and whole.port[port("m0")] == NOWHERE and whole.source[0] == NOWHERE
    half = needed("input->a0.h0<q>", "a0.h0->logits")
    assert not half.clean[node("a0.h0")] and half.port[port("a0.h0<q>")] == ANSWER
