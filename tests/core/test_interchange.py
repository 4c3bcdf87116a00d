"""Circuit evaluation: the reference's metrics, and the two ends that are known exactly (METHODS c.4)."""

import numpy as np
import pytest
import torch


@pytest.fixture(scope="module")
def run(golden):
    from circuit_core.circuits.interchange import Interchange

    return Interchange(golden.bridge, golden.graph, golden.prompts)


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
