"""The baseline: random circuits of exactly as many edges, of which nothing is pruned."""

import numpy as np
import pytest

SHAPES = [(1, 2, True), (2, 3, False), (3, 2, True)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("seed", range(3))
def test_every_size_is_met_and_nothing_is_left_to_prune(shape, seed):
    from circuit_core.circuits import selection
    from circuit_core.circuits.random_circuits import random_circuits
    from circuit_core.graph import Graph

    graph = Graph(*shape)
    found = random_circuits(range(graph.n_edges + 1), graph, seed)
    assert [int(mask.sum()) for mask in found.values()] == list(range(graph.n_edges + 1))
    for mask in found.values():
        assert not (mask & ~graph.real).any()
        assert (selection.prune(mask, graph) == mask).all()


def test_a_seed_gives_the_same_circuits_and_another_gives_others():
    from circuit_core.circuits.random_circuits import random_circuits
    from circuit_core.graph import Graph

    graph = Graph(3, 2, True)
    first, again, other = (random_circuits([20], graph, seed)[20] for seed in (0, 0, 1))
    assert (first == again).all() and (first != other).any()


def test_edges_into_the_logits_are_drawn_evenly():
    """Of two edges, the one into the logits comes from any node but the input."""
    from circuit_core.circuits.random_circuits import random_circuits
    from circuit_core.graph import Graph

    graph = Graph(2, 2, True)
    drawn = np.sum([random_circuits([2], graph, seed)[2][:, graph.logits] for seed in range(600)], 0)
    assert drawn[0] == 0 and drawn.sum() == 600
    assert np.abs(drawn[1:] - 100).max() < 40
