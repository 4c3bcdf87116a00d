"""Selection and pruning: the reference's masks, worked examples, order properties."""

import numpy as np
import pytest

from circuit_core.circuits import selection
from circuit_core.graph import Graph


def test_masks_and_sizes_of_the_reference(golden):
    """Greedy and top-n circuits of every size, after pruning, are the reference's, edge by edge and in node counts."""
    graph, scores = golden.graph, golden.arrays["eap_ig_code_rule_m5"]
    for case in golden.figures["circuits"]:
        ordered = selection.order(scores, graph, case["selector"])
        mask = selection.circuit(ordered, case["n_requested"], graph)
        assert (mask == golden.arrays[f"mask_{case['selector']}_{case['n_requested']}"]).all()
        assert (mask.sum(), selection.n_nodes(mask, graph)) == (case["n_pruned"], case["n_nodes"])


def _mask(graph: Graph, *edges: str) -> np.ndarray:
    mask = np.zeros(graph.real.shape, bool)
    for edge in edges:
        mask[graph.edge(edge)] = True
    return mask


def test_a_node_without_parent_is_pruned():
    """METHODS c.3: a0.h0 has no incoming edge, so it goes, and its edge with it."""
    graph = Graph(2, 1, True)
    kept = ("input->m0", "m0->a1.h0<q>", "a1.h0->logits")
    pruned = selection.prune(_mask(graph, *kept, "a0.h0->logits"), graph)
    assert (pruned == _mask(graph, *kept)).all()
    assert selection.n_nodes(pruned, graph) == 4


def test_pruning_goes_on_until_edges_settle():
    """A chain that ends nowhere unravels from its end, node by node."""
    graph = Graph(3, 1, True)
    chain = _mask(graph, "input->m0", "m0->m1", "m1->m2")
    assert not selection.prune(chain, graph).any()


def test_greedy_takes_only_edges_whose_reader_is_in():
    """The largest edge waits until its reader has been brought in; top-n takes it first."""
    graph = Graph(1, 1, False)
    scores = np.zeros(graph.real.shape)
    for edge, score in {"input->a0.h0<q>": 9.0, "m0->logits": -5.0, "a0.h0->m0": 2.0, "input->m0": 1.0}.items():
        scores[graph.edge(edge)] = score
    greedy = [graph.edge_name(*e) for e in selection.order(scores, graph, "greedy").tolist()]
    assert greedy[:4] == ["m0->logits", "a0.h0->m0", "input->a0.h0<q>", "input->m0"]
    assert graph.edge_name(*selection.order(scores, graph, "topn")[0].tolist()) == "input->a0.h0<q>"


@pytest.mark.parametrize("selector", selection.SELECTORS)
def test_an_order_holds_every_edge_once_and_the_full_circuit_is_the_model(selector):
    graph = Graph(3, 2, True)
    ordered = selection.order(np.random.default_rng(0).normal(size=graph.real.shape), graph, selector)
    assert len({tuple(e) for e in ordered}) == graph.n_edges
    assert (selection.circuit(ordered, graph.n_edges, graph) == graph.real).all()
    with pytest.raises(ValueError, match="the model has"):
        selection.circuit(ordered, graph.n_edges + 1, graph)


@pytest.mark.parametrize("selector", selection.SELECTORS)
def test_ties_are_broken_by_index(selector):
    """Equal scores: the lower source, then the lower port, among what is eligible; the same on every call."""
    graph = Graph(2, 2, True)
    ordered = selection.order(np.ones(graph.real.shape), graph, selector)
    assert tuple(ordered[0]) == (0, graph.logits if selector == "greedy" else 0)
