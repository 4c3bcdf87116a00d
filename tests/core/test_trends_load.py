"""How many heads carry a role, whether a stage stays, and circuit size against model size (METHODS h)."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuit_core.trends.correlation import OF_PAPER, pearson, size_correlation
from circuit_core.trends.floors import Floor
from circuit_core.trends.load import role_load
from circuit_core.trends.stability import stage_stability

NAN = math.nan


def test_the_worked_example_of_role_load():
    """METHODS h.11: .6, .2, .2 carry it, .05 does not; one head was not scored."""
    found = role_load(np.array([[0.6, 0.2], [0.2, 0.05], [NAN, 0.0]]), Floor(0.1))
    assert (found.heads, found.scored) == (3, 5)
    assert (found.load, found.spread, found.evenness) == pytest.approx((1.0, 1 / 0.44, 0.865), abs=1e-3)


def test_a_role_that_one_head_carries_or_none():
    one, none = role_load(np.array([0.5, 0.0]), Floor(0.3)), role_load(np.array([0.2, NAN]), Floor(0.3))
    assert (one.heads, one.spread, one.evenness) == (1, 1, None)
    assert (none.heads, none.load, none.spread, none.evenness) == (0, 0, None, None)
    assert role_load(np.array([0.0, -0.1, 0.2]), Floor(0.0)).heads == 1


@given(st.lists(st.floats(0.1, 1), min_size=1, max_size=40), st.integers(1, 5))
def test_role_load_is_bounded(scores, times):
    """Invariant: between one head and all; the same scores several times over keep their evenness at most, and
    multiply the number of equal heads."""
    found, again = (role_load(np.array(of), Floor(0.05)) for of in (scores, scores * times))
    assert found.spread is not None and again.spread is not None
    assert found.heads == len(scores) and 1 - 1e-9 <= found.spread <= len(scores) + 1e-9
    assert found.evenness is None or 0 <= found.evenness <= 1
    assert again.spread == pytest.approx(times * found.spread) and again.load == pytest.approx(times * found.load)


def test_a_stage_that_stays_while_its_heads_change():
    """Emerged at 2, where half of 80 is first held for two checkpoints; 60, 80, 70 from there on."""
    heads = [frozenset(of.split()) for of in ("", "a", "a b", "b c", "c")]
    found = stage_stability([0, 1, 2, 3, 4], np.array([0, 10, 60, 80, 70.0]), heads)
    assert (found.emerged_step, found.checkpoints, found.mean, found.sd) == (2, 3, 70, 10)
    assert (found.low, found.high, found.head_jaccard) == (60, 80, pytest.approx((1 / 3 + 1 / 2) / 2))


@pytest.mark.parametrize(
    "percents, reason",
    [
        ([], "needs two checkpoints: 0 measured"),
        ([NAN, 50], "needs two checkpoints: 1 measured"),
        ([0, 0], "no checkpoint has heads of this stage that account for anything"),
        ([0, 50, 0], "no two checkpoints in a row have half of its highest percent: highest 50 at step 1"),
    ],
)
def test_a_stage_without_stability_says_why(percents, reason):
    found = stage_stability(list(range(len(percents))), np.array(percents, float), [frozenset()] * len(percents))
    assert found.reason == reason and found.mean is None


PARAMS = dict(zip(OF_PAPER, (70e6, 160e6, 410e6, 1.4e9, 2.8e9), strict=True))


@pytest.mark.parametrize(
    "nodes, published, correct, logarithm",
    [
        ((28.9, 43.3, 88.3, 46.6, 135.4), 0.727, 0.789, 0.743),
        ((13.2, 17.3, 36.7, 35.0, 72.8), 0.902, 0.941, 0.896),
        ((17.7, 23.7, 39.3, 56.6, 42.3), 0.607, 0.631, 0.868),
        ((15.0, 34.7, 51.8, 93.9, 97.8), 0.874, 0.890, 0.990),
    ],
)
def test_the_papers_correlations_and_the_correct_ones(nodes, published, correct, logarithm):
    """From its mean nodes (METHODS h.6): with the sizes that its code mistypes, and with the right ones."""
    found = size_correlation(dict(zip(OF_PAPER, nodes, strict=True)), PARAMS)
    assert (found.r_published, found.r, found.r_log) == pytest.approx((published, correct, logarithm), abs=0.002)
    assert found.models == 5 and found.reason is None


def test_models_that_the_paper_lacks_leave_its_correlation():
    """Invariant: with a sixth model `r` is over six, and what was published over its five."""
    nodes = dict(zip(OF_PAPER, (28.9, 43.3, 88.3, 46.6, 135.4), strict=True))
    five, six = (size_correlation(of, PARAMS | {"pythia-1b": 1e9}) for of in (nodes, nodes | {"pythia-1b": 5.0}))
    assert six.models == 6 and six.r != five.r and six.r_published == five.r_published


def test_too_few_models_are_not_correlated():
    nodes = {"a": 1.0, "b": 2.0, "c": 3.0}
    few = size_correlation(nodes, {"a": 10.0, "b": 20.0})
    assert (few.models, few.r, few.reason) == (2, None, "needs 3 models with circuits and known size: 2")
    same = size_correlation(nodes, dict.fromkeys("abc", 10.0))
    assert same.r is None and same.reason == "all models are of one size, or their circuits are"
    others = size_correlation(nodes, {"a": 10.0, "b": 20.0, "c": 30.0})
    assert (others.r, others.r_published) == (pytest.approx(1), None)


@given(st.lists(st.tuples(st.floats(-10, 10), st.floats(-10, 10)), min_size=2, max_size=20))
def test_a_correlation_is_symmetric_and_bounded(pairs):
    x, y = zip(*pairs, strict=True)
    r = pearson(x, y)
    assert r == pearson(y, x) and (r is None or -1 <= r <= 1)
