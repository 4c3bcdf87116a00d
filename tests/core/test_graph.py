"""The index space: closed form = enumeration, names round trip, edges only go downstream."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuit_core.graph import Graph

shapes = st.builds(Graph, st.integers(1, 5), st.integers(1, 5), st.booleans())


@pytest.mark.parametrize(
    ("layers", "heads", "parallel", "edges"),
    [
        (6, 4, True, 1084),
        (6, 8, True, 3580),
        (6, 8, False, 3628),
        (12, 12, True, 32347),
        (12, 12, False, 32491),
        (24, 16, True, 231493),
        (32, 32, True, 1591857),
    ],
)
def test_edge_counts_of_known_models(layers, heads, parallel, edges):
    """METHODS a.5: edges of Pythia's sizes and of GPT-2 small."""
    assert Graph(layers, heads, parallel).n_edges == edges


@given(shapes)
def test_closed_form_of_the_edge_count(graph):
    """E = (3H+1) [L + (H+1) L(L-1)/2] + 1 + L(H+1), and L H more in sequential blocks."""
    n, h = graph.n_layers, graph.n_heads
    closed = (3 * h + 1) * (n + (h + 1) * n * (n - 1) // 2) + 1 + n * (h + 1) + (0 if graph.parallel else n * h)
    assert graph.n_edges == closed


@given(shapes)
def test_names_round_trip(graph):
    """Name -> index -> name is the identity for every node, port and edge."""
    assert [graph.source_index(graph.source_name(i)) for i in range(graph.n_sources)] == list(range(graph.n_sources))
    assert [graph.port_index(graph.port_name(i)) for i in range(graph.n_ports)] == list(range(graph.n_ports))
    edges = [(s, p) for s, p in np.argwhere(graph.real).tolist()]
    assert [graph.edge(graph.edge_name(*e)) for e in edges] == edges


@given(shapes)
def test_edges_go_downstream_and_an_mlp_sees_its_layers_heads_only_in_sequential_blocks(graph):
    """A source precedes the node that reads it; `a0.h0->m0` exists iff blocks are sequential."""
    sources, ports = np.nonzero(graph.real)
    assert (sources < graph.reader[ports]).all()
    assert bool(graph.real[graph.head(0, 0), graph.mlp_port(0)]) is not graph.parallel


@pytest.mark.parametrize("name", ["a9.h0->logits", "m3->m3", "logits->m0", "a0.h0->input", "x", "m0->a1.h0"])
def test_an_impossible_edge_is_refused(name):
    with pytest.raises(ValueError, match="There is no|is not a port"):
        Graph(4, 3, True).edge(name)


def test_reference_edges(golden):
    """The edges of the reference implementation, cell by cell."""
    assert (golden.graph.real == golden.arrays["real_edge_mask"]).all()
