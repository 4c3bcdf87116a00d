"""CPR and CMD as MIB has them (METHODS l.7), against a plain re-implementation and by hand."""

from typing import Any

import numpy as np
import pytest

SIZES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1)


@pytest.fixture(scope="module")
def case(parallel):
    """A model whose scores are of both signs."""
    from circuit_core.attribution.edge_scores import attribute
    from circuit_core.interchange.evaluation import Interchange

    scores = attribute(parallel.loaded, parallel.prompts).scores
    assert (scores < -1e-4).sum() > 20
    return Interchange(parallel.loaded, parallel.prompts), scores


def slow(run, scores, absolute: bool) -> tuple[float, float]:
    """(area under f, area under |1 - f|), one circuit and one trapezoid at a time."""
    graph = run.graph
    edges = [(s, p) for s in range(graph.n_sources) for p in range(graph.n_ports) if graph.real[s, p]]
    edges.sort(key=lambda e: -(abs(scores[e]) if absolute else scores[e]))  # stable: ties by index
    f = []
    clean, corrupted = run.clean.double().mean().item(), run.corrupted.double().mean().item()
    for share in SIZES:
        mask = np.zeros((1, *scores.shape), bool)
        for edge in edges[: int(share * len(edges))]:
            mask[0][edge] = True
        f.append((run.metrics(mask).double().mean().item() - corrupted) / (clean - corrupted))
    under = beside = 0.0
    for i in range(len(SIZES) - 1):
        width = SIZES[i + 1] - SIZES[i]
        under += width * (f[i] + f[i + 1]) / 2
        beside += width * (abs(1 - f[i]) + abs(1 - f[i + 1])) / 2
    return under, beside


def test_both_areas_by_both_rules_are_those_of_a_plain_loop(case):
    """Invariant: to 1e-6, edges by signed score and by |score|; the two rankings differ, and so do their areas."""
    from circuit_core.circuits.faithfulness import Faithfulness
    from circuit_core.circuits.mib_areas import areas, faithfulness, under

    run, scores = case
    on = Faithfulness(run)
    for absolute, by in ((False, scores), (True, abs(scores))):
        f = faithfulness(on, by)
        assert (under(f), under(abs(1 - f))) == pytest.approx(slow(run, scores, absolute), abs=1e-6)
    found = areas(on, scores)
    assert (found.cpr, found.cmd) == pytest.approx((slow(run, scores, False)[0], slow(run, scores, True)[1]), abs=1e-6)
    assert abs(slow(run, scores, False)[0] - slow(run, scores, True)[0]) > 1e-3


def test_helping_edges_come_first(sample):
    """The sign: corrupting an edge with a score above zero harms the task. Turned round, CPR is lower."""
    from circuit_core.attribution.edge_scores import attribute
    from circuit_core.circuits.faithfulness import Faithfulness
    from circuit_core.circuits.mib_areas import areas
    from circuit_core.interchange.evaluation import Interchange

    loaded, prompts = sample
    scores = attribute(loaded, prompts[:20]).scores
    on = Faithfulness(Interchange(loaded, prompts[:20]))
    right, wrong = areas(on, scores), areas(on, -scores)
    assert right.cpr is not None and wrong.cpr is not None and right.cpr > wrong.cpr + 0.3
    assert right.cmd == wrong.cmd


def test_areas_of_a_perfect_and_of_a_straight_curve():
    """f = 1 everywhere: CPR .999 and CMD 0; f(k) = k: CPR 1/2 (1 - .001^2) and CMD its complement to .999."""
    from circuit_core.circuits.mib_areas import SHARES, under

    one, straight = np.ones(10), np.array(SHARES)
    assert SHARES == SIZES
    assert (under(one), under(abs(1 - one))) == (pytest.approx(0.999), 0)
    assert under(straight) == pytest.approx(0.5 * (1 - 1e-6))
    assert under(1 - straight) == pytest.approx(0.999 - 0.5 * (1 - 1e-6))


def fixed(metrics, clean=2.0, corrupted=0.0) -> Any:
    """(graph, shares) of a run of two prompts whose circuits have these metrics, by their number of edges."""
    import torch

    from circuit_core.circuits.faithfulness import Faithfulness
    from circuit_core.graph import Graph
    from circuit_core.interchange.evaluation import Interchange

    class Run(Interchange):
        def __init__(self):
            self.graph = Graph(3, 3, True)
            self.clean, self.corrupted = torch.full((2,), clean), torch.full((2,), corrupted)

        def metrics(self, masks):
            return torch.tensor([[metrics(n)] * 2 for n in masks.sum((1, 2)).tolist()])

    run = Run()
    return run.graph, Faithfulness(run)


def test_less_than_one_edge_is_the_empty_circuit():
    """Of 163 edges .1, .2 and .5 % are none, where f = 0; one edge does all here, and the trapezoids start there."""
    from circuit_core.circuits.mib_areas import areas

    graph, on = fixed(lambda edges: 2.0)
    found = areas(on, graph.real.astype("f4"))
    assert graph.n_edges == 163
    assert (found.cpr, found.cmd) == pytest.approx((0.999 - 0.004 - 0.0025, 0.004 + 0.0025))


def test_where_normalised_faithfulness_is_undefined_areas_are():
    from circuit_core.circuits.faithfulness import NO_CHANGE, NOT_FINITE
    from circuit_core.circuits.mib_areas import areas

    for reason, (graph, on) in (
        (NO_CHANGE, fixed(lambda edges: 2.0, corrupted=2.0)),
        (NOT_FINITE, fixed(lambda edges: float("nan") if edges == 16 else 2.0)),
    ):
        found = areas(on, graph.real.astype("f4"))
        assert (found.cpr, found.cmd, found.reason) == (None, None, reason)


def test_areas_are_computed_when_asked_for(case):
    from circuit_core.circuits.faithfulness import Faithfulness
    from circuit_core.circuits.mib_areas import NOT_ASKED, Areas, areas
    from circuit_core.circuits.search import minimal_circuit

    run, scores = case
    assert minimal_circuit(run, scores, sizes=(9,)).areas == Areas(reason=NOT_ASKED)
    assert minimal_circuit(run, scores, sizes=(9,), with_areas=True).areas == areas(Faithfulness(run), scores)
