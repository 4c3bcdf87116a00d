"""The curve and the minimal circuit (METHODS c.5, c.6)."""

from dataclasses import replace

import numpy as np
import pytest
import torch


@pytest.fixture(scope="module")
def found(sample):
    from circuit_core.attribution.edge_scores import attribute
    from circuit_core.circuits.search import minimal_circuit
    from circuit_core.interchange.evaluation import Interchange

    loaded, prompts = sample
    scores = attribute(loaded, prompts).scores
    run = Interchange(loaded, prompts)
    return run, scores, minimal_circuit(run, scores)


def test_the_chosen_size_reaches_the_threshold_and_no_smaller_evaluated_one_does(found):
    _, _, circuit = found
    assert circuit.threshold_reached
    assert circuit.chosen.faithfulness >= 0.8
    smaller = [p for p in circuit.curve if p.n_requested < circuit.chosen.n_requested]
    assert smaller
    assert all(p.faithfulness < 0.8 for p in smaller)


def test_the_members_are_the_chosen_circuit(found):
    """Evaluating the mask again gives the metric that the curve holds; the counts are the mask's."""
    run, _, circuit = found
    assert run.metrics(circuit.mask[None]).mean().item() == pytest.approx(circuit.chosen.metric, abs=1e-4)
    assert circuit.mask.sum() == circuit.chosen.n_edges


def test_the_curve_ends_at_the_whole_model(found):
    """All edges: raw and normalised faithfulness 1; both follow from the metrics."""
    run, _, circuit = found
    last = circuit.curve[-1]
    assert last.n_edges == run.graph.n_edges
    assert (last.faithfulness, last.faithfulness_normalised) == (pytest.approx(1), pytest.approx(1))
    for p in circuit.curve:
        assert p.faithfulness == pytest.approx(p.metric / circuit.metric_clean)
        gap = circuit.metric_clean - circuit.metric_corrupted
        assert p.faithfulness_normalised == pytest.approx((p.metric - circuit.metric_corrupted) / gap)


def test_a_task_that_is_not_done_has_a_curve_but_no_faithfulness(found):
    """Answers swapped: the metric is negative, so shares are undefined; members are those of at most 5 %."""
    from circuit_core.circuits.faithfulness import NOT_DONE
    from circuit_core.circuits.search import minimal_circuit
    from circuit_core.interchange.evaluation import Interchange
    from circuit_core.tasks.metrics import LogitDifference

    run, scores, _ = found
    metric = LogitDifference(run.prompts.metric.wrong, run.prompts.metric.correct)
    swapped = Interchange(run.model, replace(run.prompts, metric=metric))
    circuit = minimal_circuit(swapped, scores)
    assert (circuit.reason, circuit.threshold_reached) == (NOT_DONE, None)
    assert all(p.faithfulness is None and np.isfinite(p.metric) for p in circuit.curve)
    assert circuit.chosen is not None
    assert 0 < circuit.chosen.n_requested <= 0.05 * run.graph.n_edges


def test_a_size_is_evaluated_once(found, monkeypatch):
    from circuit_core.circuits import selection
    from circuit_core.circuits.faithfulness import Curve

    run, scores, _ = found
    curve = Curve(run, selection.order(scores, run.graph))
    first = curve.evaluate([5, 10, 5])
    monkeypatch.setattr(run, "metrics", None)
    assert curve.evaluate([10, 5]) == [first[1], first[0]]


def test_logits_that_are_not_finite_give_a_reason():
    from circuit_core.circuits.faithfulness import NOT_DONE, NOT_FINITE, undefined

    assert undefined(torch.tensor([1.0, float("nan")])) == NOT_FINITE
    assert undefined(torch.tensor([1.0, -1.0, 0.5])) == NOT_DONE
    assert undefined(torch.tensor([1.0, 1.1, 0.9])) is None
