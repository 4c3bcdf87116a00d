"""Similarity of circuits over training, on circuits that are written by hand (METHODS h.1 to h.5)."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuit_core.graph import Graph
from circuit_core.trends.similarity import Members, ewma, jaccard, score_drift, shared, similarity

GRAPH = Graph(2, 2, True)
REAL = np.flatnonzero(GRAPH.real.T.ravel())
"""All edges of the model, by id."""


def circuit(**scores: float | None) -> Members:
    """Letters stand for edges of the model, in order."""
    ids = np.array([REAL["abcdefgh".index(letter)] for letter in scores], int)
    known = np.array([np.nan if s is None else s for s in scores.values()], float)
    return Members.of(GRAPH, ids, known)


def test_the_worked_example_of_the_weighted_jaccard():
    """METHODS h.3: min .25, max .5 + .5 + .75."""
    found = similarity(circuit(a=0.5, b=0.5), circuit(a=0.25, c=0.75))
    assert found.weighted_jaccard == pytest.approx(0.142857, abs=1e-6)
    assert (found.edge_jaccard, found.additions, found.deletions) == (1 / 3, 1, 1)
    assert (found.added_score, found.deleted_score) == (0.75, 0.5)


def test_weights_are_shares_of_the_circuit_and_scores_are_taken_by_size():
    """Invariant: neither the scale of a circuit's scores nor their signs change the weighted Jaccard."""
    found = similarity(circuit(a=0.5, b=-0.5), circuit(a=-25, c=75))
    assert found.weighted_jaccard == pytest.approx(0.25 / 1.75)
    assert (found.added_score, found.deleted_score) == (75, 0.5)


def test_nodes_are_those_that_an_edge_touches():
    """Also `input` and `logits`; a head that is read at two ports is one node."""
    names = ("input->a0.h0<q>", "input->a0.h0<k>", "a0.h0->logits")
    ids = np.array([port * GRAPH.n_sources + source for source, port in map(GRAPH.edge, names)])
    assert Members.of(GRAPH, ids).nodes.tolist() == [0, GRAPH.head(0, 0), GRAPH.n_sources]
    assert similarity(Members.of(GRAPH, ids), Members.of(GRAPH, ids[:2])).node_jaccard == 2 / 3


def test_what_cannot_be_compared_is_undefined():
    """Two empty circuits have no similarity; an empty one shares nothing; without scores there are no weights."""
    empty, some = circuit(), circuit(a=1)
    nothing = similarity(empty, empty)
    assert all(map(math.isnan, (nothing.edge_jaccard, nothing.node_jaccard, nothing.weighted_jaccard)))
    one = similarity(empty, some)
    assert (one.edge_jaccard, one.node_jaccard, one.additions, one.deletions) == (0, 0, 1, 0)
    bare = similarity(some, circuit(a=None, b=None))
    assert bare.edge_jaccard == 0.5 and math.isnan(bare.weighted_jaccard) and math.isnan(bare.added_score)
    assert math.isnan(similarity(some, circuit(a=0, b=0)).weighted_jaccard)


def test_the_worked_example_of_the_ewma():
    """METHODS h.4; what is undefined is passed over."""
    assert ewma([0.2, 0.6, 0.4]) == pytest.approx([0.2, 0.4, 0.4])
    assert ewma([math.nan, 0.2, math.nan, 0.6]) == pytest.approx([math.nan, 0.2, math.nan, 0.4], nan_ok=True)
    assert ewma([]) == []


def test_score_drift_is_over_all_edges():
    assert score_drift(np.array([[0.5, -1.0, 0.0]]), np.array([[0.25, 1.0, 0.5]])) == 2.75


def test_edges_in_any_order_are_sorted_with_their_scores():
    made = Members.of(GRAPH, REAL[[4, 1, 3]], np.array([4.0, 1.0, 3.0]))
    assert made.edges.tolist() == REAL[[1, 3, 4]].tolist() and made.scores.tolist() == [1, 3, 4]
    with pytest.raises(ValueError, match="ascend"):
        shared(np.array([2, 1]), np.array([1]))


SCORES = st.floats(-10, 10).filter(lambda s: abs(s) > 1e-3)
CIRCUITS = st.dictionaries(st.sampled_from("abcdefgh"), SCORES, min_size=1).map(lambda scores: circuit(**scores))


@given(CIRCUITS, CIRCUITS)
def test_similarity_is_symmetric_and_bounded(a, b):
    """Invariant: the order of two circuits exchanges additions and deletions, and nothing else."""
    there, back = similarity(a, b), similarity(b, a)
    for name in ("edge_jaccard", "node_jaccard", "weighted_jaccard"):
        assert getattr(there, name) == getattr(back, name) and 0 <= getattr(there, name) <= 1
    assert (there.additions, there.deletions) == (back.deletions, back.additions)
    assert (there.added_score, there.deleted_score) == (back.deleted_score, back.added_score)
    both = set(a.edges) & set(b.edges)
    assert there.edge_jaccard == len(both) / (len(a.edges) + len(b.edges) - len(both))
    assert jaccard(a.nodes, b.nodes) == len(set(a.nodes) & set(b.nodes)) / len(set(a.nodes) | set(b.nodes))


@given(CIRCUITS)
def test_a_circuit_equals_itself(a):
    """Invariant: exactly 1, whatever its scores."""
    same = similarity(a, a)
    assert (same.edge_jaccard, same.node_jaccard, same.weighted_jaccard) == (1, 1, 1)
    assert (same.additions, same.deletions, same.added_score) == (0, 0, 0)


@given(st.lists(st.floats(0, 1), min_size=1))
def test_an_ewma_stays_within_what_it_smooths(values):
    smooth = ewma(values)
    assert smooth[0] == values[0] and all(min(values) <= v <= max(values) for v in smooth)
