"""Searches of the minimal circuit, held-out prompts, baselines and areas (METHODS c.5 to c.7)."""

from typing import Any

import numpy as np
import pytest


@pytest.fixture(scope="module")
def case(sample):
    from circuit_core.circuits.attribution import attribute
    from circuit_core.circuits.interchange import Interchange

    loaded, prompts = sample
    scores = attribute(loaded.bridge, loaded.graph, prompts).scores
    return Interchange(loaded.bridge, loaded.graph, prompts), scores


class Given:
    """A curve given by a function of the size; remembers what was asked."""

    def __init__(self, share, total=2000):
        from circuit_core.circuits.strategies import Reach

        class Line(Reach):
            def __init__(self, threshold):
                self.threshold, self.total, self.asked, self.curve = threshold, total, [], self

            def share(self, n):
                assert 1 <= n <= total
                self.asked.append(n)
                return share(n)

            def evaluate(self, sizes):
                return [self.share(n) for n in sizes]

        self.reach = Line(0.8)


def rising(n):
    return n / 100


def bumpy(n):
    """Crosses .8 at 40, falls below at 60, and stays above from 90 on."""
    return 0.85 if 40 <= n < 60 or n >= 90 else 0.7


@pytest.mark.parametrize("name", ["grid", "paper", "code"])
def test_a_curve_that_rises_is_cut_at_the_crossing(name):
    """Every search finds the first size of a monotone curve that reaches the threshold."""
    from circuit_core.circuits.strategies import SEARCHES

    assert SEARCHES[name](Given(rising).reach) == 80


@pytest.mark.parametrize("name", ["grid", "paper", "code"])
@pytest.mark.parametrize("share", [rising, bumpy])
def test_what_is_found_reaches_the_threshold(name, share):
    from circuit_core.circuits.strategies import SEARCHES

    assert share(SEARCHES[name](Given(share).reach)) >= 0.8


@pytest.mark.parametrize(("name", "last"), [("grid", 2000), ("paper", 100), ("code", 1600)])
def test_a_curve_that_never_reaches_it_ends_at_the_last_size(name, last):
    from circuit_core.circuits.strategies import SEARCHES

    assert SEARCHES[name](Given(lambda n: 0.1).reach) == last


def test_the_search_of_the_code_slows_down_near_the_threshold():
    """Above three quarters of the threshold the step of 25 halves: 25, 50, 75, then smaller steps."""
    from circuit_core.circuits.strategies import _code

    given = Given(rising).reach
    _code(given)
    assert given.asked[:4] == [25, 50, 75, 87]


def test_rounding_is_neither_a_fall_nor_a_miss():
    """Sizes that prune to the same circuit differ in the last bits: no new start. A circuit that does all that the
    model does reaches a threshold of 1."""
    from circuit_core.circuits.strategies import _code

    flat = Given(lambda n: 0.7 - 1e-8 * n if n < 200 else 1.0)
    _code(flat.reach)
    assert flat.reach.asked[:4] == [25, 37, 43, 46]
    whole = Given(lambda n: 1 - 1e-7)
    whole.reach.threshold = 1.0
    assert whole.reach(10)


@pytest.mark.parametrize("search", ["grid", "paper", "code"])
def test_no_smaller_evaluated_size_reaches_the_threshold(case, search):
    from circuit_core.circuits.search import minimal_circuit

    run, scores = case
    found: Any = minimal_circuit(run, scores, threshold=0.5, search=search)
    assert found.chosen is not None
    assert found.threshold_reached is (found.chosen.faithfulness >= 0.5)
    assert all(p.faithfulness < 0.5 for p in found.curve if p.n_requested < found.chosen.n_requested)


def test_five_percent_can_be_too_few(case):
    """`paper` on a small model: not reached, the largest size is kept."""
    from circuit_core.circuits.search import minimal_circuit

    run, scores = case
    found: Any = minimal_circuit(run, scores, threshold=1.0, search="paper")
    assert (found.threshold_reached, found.chosen.n_requested) == (False, int(0.05 * run.graph.n_edges))


def test_given_sizes_are_the_whole_curve(case):
    from circuit_core.circuits.areas import SIZES_MISSING
    from circuit_core.circuits.search import minimal_circuit

    run, scores = case
    found: Any = minimal_circuit(run, scores, sizes=(40, 5, 100))
    assert [p.n_requested for p in found.curve] == [5, 40, 100]
    assert found.chosen.n_requested == 40
    assert (found.areas.cpr, found.areas.cmd, found.areas.reason) == (None, None, SIZES_MISSING)


def test_more_edges_than_there_are_is_an_error(case):
    from circuit_core.circuits.search import minimal_circuit

    run, scores = case
    with pytest.raises(ValueError, match="has 297"):
        minimal_circuit(run, scores, sizes=(298,))


def test_held_out_prompts_have_a_curve_of_their_own(case):
    """On the same prompts the held-out curve is the curve; on others it is what they give by themselves."""
    from circuit_core.circuits.interchange import Interchange
    from circuit_core.circuits.search import minimal_circuit

    run, scores = case
    same: Any = minimal_circuit(run, scores, sizes=(20,), held_out=run).chosen
    assert same.held_out_metric == same.metric
    assert same.held_out_faithfulness == same.faithfulness
    other = Interchange(run.bridge, run.graph, run.prompts[:10])
    mixed: Any = minimal_circuit(run, scores, sizes=(20,), held_out=other)
    assert mixed.chosen.held_out_metric == pytest.approx(other.metrics(mixed.mask[None]).mean().item(), abs=1e-5)
    assert mixed.chosen.metric == same.metric


def test_random_circuits_are_a_baseline_below_the_curve(case):
    """Reproducible; the whole model is always 1; at the chosen size chance keeps less than the circuit."""
    from circuit_core.circuits.search import minimal_circuit

    run, scores = case
    found, again = (minimal_circuit(run, scores, draws=5) for _ in range(2))
    chosen: Any = found.chosen
    assert [p.random_baseline for p in found.curve] == [p.random_baseline for p in again.curve]
    assert all(p.random_baseline is not None for p in found.curve)
    assert found.curve[-1].random_baseline == pytest.approx(1)
    assert chosen.random_baseline < chosen.faithfulness - 0.3


def test_the_baseline_of_a_point_is_that_of_circuits_of_its_size(case):
    """Evaluated one by one; sizes that pruning makes equal have one baseline."""
    from circuit_core.circuits.random_circuits import random_circuits
    from circuit_core.circuits.search import minimal_circuit

    run, scores = case
    curve: Any = minimal_circuit(run, scores, sizes=(1, 20, 40), draws=2).curve
    sizes = [p.n_edges for p in curve]
    drawn = [random_circuits(sizes, run.graph, seed) for seed in range(2)]
    for point in curve:
        metrics = [run.metrics(circuits[point.n_edges][None]).mean().item() for circuits in drawn]
        assert point.random_baseline == pytest.approx(np.mean(metrics) / run.clean.mean().item(), abs=1e-5)


def test_the_areas_of_a_perfect_and_of_a_straight_curve():
    """f = 1 everywhere: CPR .999 and CMD 0; f(k) = k: CPR 1/2 (1 - .001^2) and CMD its complement to .999."""
    from circuit_core.circuits.areas import SHARES, under

    total = 1000
    sizes = [int(k * total) for k in SHARES]
    perfect, straight = under(dict.fromkeys(sizes, 1.0), total), under({n: n / total for n in sizes}, total)
    assert (perfect.cpr, perfect.cmd) == (pytest.approx(0.999), pytest.approx(0))
    assert straight.cpr == pytest.approx(0.5 * (1 - 1e-6))
    assert straight.cmd == pytest.approx(0.999 - 0.5 * (1 - 1e-6))


def test_less_than_one_edge_is_the_empty_circuit():
    """163 edges: .1, .2 and .5 % are no edge, where f = 0; the trapezoids start there."""
    from circuit_core.circuits.areas import SHARES, under

    shares = {int(k * 163): 1.0 for k in SHARES if int(k * 163)}
    found = under(shares, 163)
    assert found.cpr == pytest.approx(0.999 - 0.004 - 0.0025)
    assert found.cmd == pytest.approx(0.004 + 0.0025)


def test_areas_need_the_whole_curve():
    from circuit_core.circuits.areas import SIZES_MISSING, Areas, under

    assert under({1: 0.5, 1000: 1.0}, 1000) == Areas(reason=SIZES_MISSING)


def test_the_curve_gives_its_areas(case):
    """The areas of a search are those of its own points (two roads to one number)."""
    from circuit_core.circuits.areas import SHARES
    from circuit_core.circuits.search import minimal_circuit

    run, scores = case
    found: Any = minimal_circuit(run, scores)
    f = {p.n_requested: p.faithfulness_normalised for p in found.curve}
    values = [f[int(k * 297)] if int(k * 297) else 0.0 for k in SHARES]
    width = np.diff(SHARES)
    assert found.areas.cpr == pytest.approx(float((width * (np.array(values[1:]) + values[:-1]) / 2).sum()))


def test_a_planted_path_is_the_whole_circuit():
    """By hand: a0.h0 writes the previous token where a1.h0 alone reads it and writes it out; nothing else does.

    The answer is the token before the last, which the corrupted prompt replaces: the circuit is that path, whole.
    """
    import torch
    from planted import two_step_copy

    from circuit_core.circuits.attribution import attribute
    from circuit_core.circuits.interchange import Interchange
    from circuit_core.circuits.search import minimal_circuit
    from circuit_core.loading import as_bridge, graph_of
    from circuit_core.tasks.metrics import LogitDifference
    from circuit_core.tasks.prompts import PromptSet

    bridge = as_bridge(two_step_copy())
    graph = graph_of(bridge)
    clean = torch.tensor([[3, 5, 9], [3, 7, 9], [3, 11, 9], [4, 6, 8]])
    corrupted = clean.clone()
    corrupted[:, 1] += 20
    answers = LogitDifference(clean[:, 1], corrupted[:, 1])
    prompts = PromptSet("planted", clean, corrupted, torch.full((4,), 2), answers)
    scores = attribute(bridge, graph, prompts).scores
    found = minimal_circuit(Interchange(bridge, graph, prompts), scores)
    assert graph.edge_names(found.mask) == ["input->a0.h0<v>", "a0.h0->a1.h0<v>", "a1.h0->logits"]
