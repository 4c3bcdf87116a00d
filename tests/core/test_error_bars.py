"""Error bars of circuits (METHODS l.10): against selection one circuit at a time, and on scores of known noise."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from circuit_core.circuits import selection
from circuit_core.graph import Graph

GRAPHS = (Graph(3, 2, True), Graph(2, 3, False), Graph(1, 1, True))


@pytest.mark.parametrize("graph", GRAPHS, ids=str)
@pytest.mark.parametrize("selector", selection.SELECTORS)
@pytest.mark.parametrize("decimals", [8, 1, 0])
def test_many_circuits_are_those_of_selection(graph, selector, decimals):
    """Of every size, edge by edge; rounded to one digit or none most scores are equal to others, or zero."""
    from circuit_core.circuits.many_circuits import EdgeList

    sizes = np.abs(np.random.default_rng(0).normal(size=(6, *graph.real.shape)).round(decimals))
    edges = EdgeList(graph, np.flatnonzero(graph.real))
    for n in range(1, graph.n_edges + 1):
        found = edges.circuits(sizes[:, graph.real].T, n, selector)
        wanted = [selection.circuit(selection.order(s, graph, selector), n, graph) for s in sizes]
        assert (found.T == np.stack([mask[graph.real] for mask in wanted])).all()
        assert edges.nodes(found).sum(0).tolist() == [selection.n_nodes(mask, graph) for mask in wanted]


def of(graph, by_prompt):
    """Scores of all edges by each prompt, float [prompt, edge]."""
    from circuit_core.attribution.edge_scores import EdgeScores

    scores = np.zeros(graph.real.shape, np.float32)
    scores[graph.real] = by_prompt.mean(0)
    return EdgeScores(scores, scores.sum(1), graph, "eap", None, None, by_prompt.astype(np.float32))


def noisy(graph, n, noise, seed):
    """Scores of n prompts, around those of one task, which are the same for every seed."""
    task = np.random.default_rng(7).normal(size=graph.n_edges) ** 3
    return task + noise * np.random.default_rng(seed).normal(size=(n, graph.n_edges))


def circuit(scores, graph, n, selector="greedy"):
    return selection.circuit(selection.order(scores, graph, selector), n, graph)


def bars(scores, n, strata=(), kept=None, draws=200, selector="greedy") -> Any:
    from circuit_core.circuits.error_bars import error_bars

    members = circuit(scores.scores, scores.graph, n, selector)
    kept = scores.graph.real if kept is None else kept
    return error_bars(scores, kept, members, n, selector, strata, seed=3, draws=draws)


def jaccard(a, b):
    """Of two circuits, or weighted; NaN of two that are empty."""
    return np.minimum(a, b).sum() / np.maximum(a, b).sum() if (a + b).any() else np.nan


def test_the_example_of_the_methods():
    """METHODS l.10: the mean of (1, 1, 1) has no error, that of (2, 0, 0) sqrt(8/9 / 3) = .544."""
    graph = GRAPHS[2]
    by_prompt = np.ones((3, graph.n_edges))
    by_prompt[:, 0] = 2, 0, 0
    found = bars(of(graph, by_prompt), graph.n_edges, draws=40_000)
    assert found.se[0] == pytest.approx(0.544, abs=0.005) and not found.se[1:].any()
    assert (found.share == 1).all() and found.floors["edge"].mean == found.floors["node"].mean == 1


def test_what_differs_between_strata_is_no_error():
    graph = GRAPHS[0]
    by_prompt = noisy(graph, 4, 0, 0) + np.array([[0], [5], [0], [5]])
    assert bars(of(graph, by_prompt), 20).se.min() > 1
    assert bars(of(graph, by_prompt), 20, strata=(0, 1, 0, 1)).se.max() < 1e-6


@pytest.mark.parametrize("selector", selection.SELECTORS)
def test_bars_and_floors_are_those_of_the_draws_one_by_one(selector):
    """Each chosen and pruned by `selection`: 20 of 94 edges, so that most are passed over; two empty circuits say
    nothing."""
    from circuit_core.statistics import halves, resamples

    graph, n = GRAPHS[0], 20
    scores = of(graph, noisy(graph, 9, 2.0, 1))
    strata = (0, 0, 0, 1, 1, 1, 1, 2, 2)
    found = bars(scores, n, strata, draws=30, selector=selector)
    members = circuit(scores.scores, graph, n, selector)

    def drawn(weights):
        matrix = np.zeros(graph.real.shape)
        matrix[graph.real] = weights / weights.sum() @ scores.by_prompt
        return matrix, circuit(matrix, graph, n, selector)

    each = [drawn(weights) for weights in resamples(9, strata, 30, seed=3).numpy()]
    assert found.share == pytest.approx(np.mean([mask[members] for _, mask in each], 0))
    assert found.se == pytest.approx(np.std([matrix[members] for matrix, _ in each], 0), rel=1e-4)

    pairs = [(drawn(first), drawn(~first)) for first in halves(9, strata, 100, seed=3).numpy()]
    edge = [jaccard(a, b) for (_, a), (_, b) in pairs]
    assert found.floors["edge"].mean == pytest.approx(np.nanmean(edge))
    assert found.floors["edge"].low == pytest.approx(np.nanquantile(edge, 0.025))
    weighted = [jaccard(*(np.abs(m * mask) / (np.abs(m * mask).sum() or 1) for m, mask in pair)) for pair in pairs]
    assert found.floors["weighted"].mean == pytest.approx(np.nanmean(weighted), rel=1e-4)


def test_an_edge_that_is_not_kept_counts_with_its_mean():
    graph = GRAPHS[1]
    by_prompt = noisy(graph, 8, 2.0, 2)
    kept = circuit(of(graph, by_prompt).scores, graph, 15)
    still = np.where(kept[graph.real], by_prompt, by_prompt.mean(0))
    whole, few = of(graph, still), by_prompt.astype(np.float32)[:, kept[graph.real]]
    found, whole = bars(replace(whole, by_prompt=few), 15, kept=kept), bars(whole, 15)
    assert found.se == pytest.approx(whole.se) and found.share == pytest.approx(whole.share)
    assert found.floors["edge"].mean == pytest.approx(whole.floors["edge"].mean)


@pytest.mark.long
@pytest.mark.parametrize("noise", [2.0, 6.0])
def test_halves_cover_other_draws_and_resamples_do_not(noise):
    """40 pairs of fresh draws, that differ in nothing but their prompts: 36 at least are not below the floor of halves.

    By the least resemblance of a resample to the circuit itself more of them would pass for a change.
    """
    from circuit_core.circuits.many_circuits import EdgeList
    from circuit_core.statistics import resamples

    graph, n, prompts = Graph(4, 3, True), 40, 24
    edges, covered, by_resamples = EdgeList(graph, np.flatnonzero(graph.real)), 0, 0
    for pair in range(40):
        one, other = (of(graph, noisy(graph, prompts, noise, 2 * pair + i)) for i in range(2))
        mask, found = circuit(one.scores, graph, n), jaccard(*(circuit(s.scores, graph, n) for s in (one, other)))
        covered += found >= bars(one, n, draws=1).floors["edge"].low
        drawn = resamples(prompts, (), 100, pair).numpy() @ one.by_prompt / prompts
        again = edges.circuits(np.abs(drawn.T), n, "greedy")
        by_resamples += found >= np.quantile([jaccard(mask[graph.real], some) for some in again.T], 0.025)
    assert covered >= 36 > by_resamples


@pytest.mark.slow
def test_floors_of_a_real_task_hold_fresh_draws_of_half_as_many_prompts(sample):
    """IOI on a sample model: 18 at least of 20 pairs are not less alike than both their floors."""
    from circuit_core import TASKS
    from circuit_core.attribution.edge_scores import attribute
    from circuit_core.tasks.sampling import draw

    loaded, n = sample[0], 60

    def fresh(seed):
        prompts = draw(TASKS["ioi"], loaded.tokenizer, loaded.n_vocab, TASKS["ioi"].n // 2, seed)
        scores = attribute(loaded, prompts, kept=loaded.graph.real)
        return circuit(scores.scores, loaded.graph, n), bars(scores, n, prompts.strata).floors["edge"].low

    pairs = [(fresh(1000 + 2 * pair), fresh(1001 + 2 * pair)) for pair in range(20)]
    assert all(0 < low < 1 for pair in pairs for _, low in pair)
    assert sum(jaccard(a, b) >= min(low, other) for (a, low), (b, other) in pairs) >= 18


def test_halves_are_of_equal_size_within_each_stratum():
    from circuit_core.statistics import halves

    strata = (0, 1, 1, 0, 1, 2, 2, 2, 0, 1, 1)
    first = halves(11, strata, 50, seed=0).numpy()
    assert set(first.sum(1)) == {6} and len(set(map(tuple, first))) > 25
    for stratum in range(3):
        here = first[:, np.array(strata) == stratum]
        assert (np.abs(2 * here.sum(1) - here.shape[1]) <= 1).all()
    assert (halves(11, strata, 50, seed=0).numpy() == first).all()
    assert (halves(11, strata, 50, seed=1).numpy() != first).any()


@pytest.mark.parametrize(("prompts", "draws"), [(1, 200), (5, 0)])
def test_one_prompt_has_no_bars_and_none_are_given_unasked(prompts, draws):
    graph = GRAPHS[0]
    found = bars(of(graph, noisy(graph, prompts, 1.0, 0)), 20, draws=draws)
    assert found.se is None and found.share is None and found.floors["weighted"].low is None


def test_kept_are_the_members_and_the_largest(monkeypatch):
    from circuit_core.circuits import error_bars

    monkeypatch.setattr(error_bars, "LARGEST", 3)
    graph = GRAPHS[0]
    scores, members = of(graph, np.arange(graph.n_edges)[None] - graph.n_edges), np.zeros(graph.real.shape, bool)
    members[0, -1] = True
    kept = error_bars.to_keep(scores, members)
    assert kept.sum() == 4 and kept[members].all() and set(scores.scores[kept & ~members]) == {-94.0, -93.0, -92.0}
