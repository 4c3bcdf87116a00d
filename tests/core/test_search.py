"""Searches of the minimal circuit, held-out prompts, thresholds and baselines (METHODS c.5, c.6, l.6)."""

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from circuit_core.loaded_model import LoadedModel

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def case(sample):
    from circuit_core.attribution.edge_scores import attribute
    from circuit_core.interchange.evaluation import Interchange

    loaded, prompts = sample
    scores = attribute(loaded, prompts).scores
    return Interchange(loaded, prompts), scores


class Given:
    """A curve given by a function of the size; remembers what was asked."""

    def __init__(self, share, total=2000):
        from circuit_core.circuits.search_strategies import Threshold

        class Line(Threshold):
            def __init__(self, threshold):
                self.threshold, self.total, self.asked, self.curve = threshold, total, [], self
                self.shares: dict[int, float] = {}

            def share(self, n):
                assert 1 <= n <= total
                self.asked += [n] if n not in self.shares else []
                return self.shares.setdefault(n, share(n))

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
    from circuit_core.circuits.search_strategies import SEARCHES

    assert SEARCHES[name](Given(rising).reach) == 80


@pytest.mark.parametrize("name", ["grid", "paper", "code"])
@pytest.mark.parametrize("share", [rising, bumpy])
def test_what_is_found_reaches_the_threshold(name, share):
    from circuit_core.circuits.search_strategies import SEARCHES

    assert share(SEARCHES[name](Given(share).reach)) >= 0.8


@pytest.mark.parametrize(("name", "last"), [("grid", 2000), ("paper", 100), ("code", 1600)])
def test_a_curve_that_never_reaches_it_ends_at_the_last_size(name, last):
    from circuit_core.circuits.search_strategies import SEARCHES

    assert SEARCHES[name](Given(lambda n: 0.1).reach) == last


def test_the_search_of_the_code_slows_down_near_the_threshold():
    """Above three quarters of the threshold the step of 25 halves: 25, 50, 75, then smaller steps."""
    given = Given(rising).reach
    given.code()
    assert given.asked[:4] == [25, 50, 75, 87]


def test_rounding_is_neither_a_fall_nor_a_miss():
    """Sizes that prune to the same circuit differ in the last bits: no new start. A circuit that does all that the
    model does reaches a threshold of 1."""
    flat = Given(lambda n: 0.7 - 1e-8 * n if n < 200 else 1.0)
    flat.reach.code()
    assert flat.reach.asked[:4] == [25, 37, 43, 46]
    whole = Given(lambda n: 1 - 1e-7)
    whole.reach.threshold = 1.0
    assert whole.reach(10)


def published(share, total, threshold=0.8):
    """The search of the paper's published code in our words, slow and plain; (size, sizes evaluated)."""
    step, size, before, seen = 25, 25, 0.0, []
    while size < min(1600, total):
        f = share(size)
        seen.append(size)
        if f > threshold:
            start, end = max(size - step, 1), size
            low, high, least = start, end, None
            while low <= high:
                middle = (low + high) // 2
                if share(middle) >= threshold:
                    least, high = middle, middle - 1
                else:
                    low = middle + 1
                if abs(share(middle) - threshold) <= 0.1 * threshold:
                    for n in range(middle - 5, middle + 6):
                        if n != middle and start <= n <= end and share(n) >= threshold and (least is None or n < least):
                            least, high = n, n - 1
                            break
            return least
        if step < 25 and (f < 0.75 * threshold or f < before):
            step = 25
        if f > 0.75 * threshold:
            step = max(1, int(step * 0.5))
        before, size = f, size + step
    return min(1600, total)


@given(st.lists(st.integers(0, 12), min_size=60, max_size=300))
@example([4] * 24 + [9] + [4] * 8 + [11, 9, 9, 9, 11, 11, 11, 11, 11] + [4] * 30)
def test_the_search_of_the_code_is_that_of_the_paper(tenths):
    """Invariant: on any curve the same size as the published code, whose local search stays within the last step."""
    share = [0.0, *(t / 10 + 0.003 for t in tenths)].__getitem__
    assert Given(share, len(tenths)).reach.code() == published(share, len(tenths))


@given(st.lists(st.integers(0, 12), min_size=20, max_size=400))
@example([4] * 6 + [8] + [7] * 5 + [8] * 8)
def test_what_grid_promises(tenths):
    """Invariant: it reaches the threshold, the size before does not, nor any smaller one that was evaluated; where the
    first bisection ends at 13 edges or fewer, none does. Beside the grid 12 sizes are evaluated, and two bisections.
    """
    from circuit_core.circuits.search_strategies import SIZES_BELOW, grid_sizes

    total, share = len(tenths), [0.0, *(t / 10 for t in tenths)].__getitem__
    reach = Given(share, total).reach
    n = reach.grid()
    smaller = [m for m in reach.asked if m < n]
    if share(n) >= 0.8:
        assert all(share(m) < 0.8 for m in smaller) and (n == 1 or share(n - 1) < 0.8)
        if (Given(share, total).reach.first(grid_sizes(total)) or total) <= SIZES_BELOW + 1:
            assert n == next(m for m in range(1, total + 1) if share(m) >= 0.8)
    else:
        assert n == total and all(share(m) < 0.8 for m in grid_sizes(total))
    assert len(reach.asked) <= 10 + SIZES_BELOW + 2 * total.bit_length()


def test_grid_finds_what_lies_below_its_first_crossing():
    """As sample-0.1m@7000/greater_than, 40 prompts, m = 30: 7 edges suffice, 8 to 12 do not, and 8 is on the grid."""
    assert Given(lambda n: 0.851 if n == 7 or n >= 13 else 0.78, 163).reach.grid() == 7


def test_what_is_equal_but_for_rounding_reaches_the_threshold():
    """Invariant: a share that lacks one part in a million is not told from the threshold, by any search."""
    from circuit_core.circuits.search_strategies import SEARCHES

    for search in SEARCHES.values():
        assert {search(Given(lambda n, d=d: 0.8 - d if n >= 40 else 0.3).reach) for d in (-1e-6, 0, 1e-6)} == {40}


@pytest.mark.parametrize(
    ("model", "task", "ig", "search"),
    [
        ("sample-0.4m/step3500", "ioi", {}, "code"),
        ("sample-0.1m/step7000", "greater_than", {"ig_steps": 30, "ig_rule": "code"}, "grid"),
    ],
)
def test_cases_in_which_a_search_missed_the_size(model, task, ig, search):
    """At 40 prompts `code` finds the size that the published code finds, and `grid` the smallest there is."""
    from circuit_core import TASKS, attribute, draw, load
    from circuit_core.circuits.faithfulness import Curve
    from circuit_core.circuits.search import minimal_circuit
    from circuit_core.circuits.selection import order
    from circuit_core.interchange.evaluation import Interchange
    from circuit_core.models import suites

    of = load(suites.sample_folder() / model)
    run = Interchange(of, draw(TASKS[task], of.tokenizer, of.n_vocab, 40))
    scores = attribute(of, run.prompts, **ig).scores
    curve = Curve(run, order(scores, of.graph, "greedy"))

    def share(n: int) -> float:
        return curve.evaluate([n])[0].faithfulness or 0.0

    found: Any = minimal_circuit(run, scores, search=search)
    smallest = next(n for n in range(1, of.graph.n_edges) if share(n) >= 0.8) if search == "grid" else None
    assert found.chosen.n_requested == (smallest or published(share, of.graph.n_edges))


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
    from circuit_core.circuits.search import minimal_circuit

    run, scores = case
    found: Any = minimal_circuit(run, scores, sizes=(40, 5, 100))
    assert [p.n_requested for p in found.curve] == [5, 40, 100]
    assert found.chosen.n_requested == 40


def test_more_edges_than_there_are_is_an_error(case):
    from circuit_core.circuits.search import minimal_circuit

    run, scores = case
    with pytest.raises(ValueError, match="has 297"):
        minimal_circuit(run, scores, sizes=(298,))


def test_held_out_prompts_have_a_curve_of_their_own(case):
    """On the same prompts the held-out curve is the curve; on others it is what they give by themselves."""
    from circuit_core.circuits.search import minimal_circuit
    from circuit_core.interchange.evaluation import Interchange

    run, scores = case
    same: Any = minimal_circuit(run, scores, sizes=(20,), held_out=run).chosen
    assert same.held_out_metric == same.metric
    assert same.held_out_faithfulness == same.faithfulness
    other = Interchange(run.model, run.prompts[:10])
    mixed: Any = minimal_circuit(run, scores, sizes=(20,), held_out=other)
    assert mixed.chosen.held_out_metric == pytest.approx(other.metrics(mixed.mask[None]).mean().item(), abs=1e-5)
    assert mixed.chosen.metric == same.metric


def test_an_interval_is_over_prompts_and_of_held_out_ones_where_there_are_any(case):
    """By hand: the ratio estimator's standard error; two times the prompts as many: narrower by the root of two."""
    from circuit_core.circuits.search import OVER_CHOOSING, OVER_HELD_OUT, minimal_circuit
    from circuit_core.interchange.evaluation import Interchange

    run, scores = case
    found: Any = minimal_circuit(run, scores, sizes=(20,))
    m, clean = (values.double().numpy() for values in (run.metrics(found.mask[None])[0], run.clean))
    f = m.mean() / clean.mean()
    half = 1.96 * np.sqrt(((m - f * clean) ** 2).sum() / (len(m) - 1) / len(m)) / clean.mean()
    assert found.interval == pytest.approx((f - half, f + half), abs=1e-5)
    assert (found.interval_of, found.chosen.faithfulness) == (OVER_CHOOSING, pytest.approx(f, abs=1e-5))
    other = Interchange(run.model, run.prompts[:10])
    held: Any = minimal_circuit(run, scores, sizes=(20,), held_out=other)
    assert held.interval_of == OVER_HELD_OUT and held.chosen.faithfulness == found.chosen.faithfulness
    assert sum(held.interval) / 2 == pytest.approx(held.chosen.held_out_faithfulness, abs=1e-5)
    one = Interchange(run.model, run.prompts[:1])
    alone: Any = minimal_circuit(run, scores, sizes=(20,), held_out=one)
    assert (alone.interval, alone.interval_of) == (None, None)


def test_a_threshold_on_normalised_faithfulness(case):
    """Invariant: the smallest size that was evaluated and reaches it, by that faithfulness; 0 is the corrupted run."""
    from circuit_core.circuits.search import minimal_circuit

    run, scores = case
    raw, scaled = (minimal_circuit(run, scores, threshold_on=on) for on in ("raw", "normalised"))
    for found, name in ((raw, "faithfulness"), (scaled, "faithfulness_normalised")):
        at: Any = found.chosen
        assert found.threshold_reached and getattr(at, name) >= 0.8
        assert all(getattr(p, name) < 0.8 for p in found.curve if p.n_requested < at.n_requested)
    assert scaled.chosen.n_requested < raw.chosen.n_requested  # type: ignore[union-attr]


def test_random_circuits_are_a_baseline_below_the_curve(case):
    """Reproducible; the whole model is always 1; at the chosen size chance keeps less than the circuit."""
    from circuit_core.circuits.search import minimal_circuit

    run, scores = case
    found, again = (minimal_circuit(run, scores, draws=5) for _ in range(2))
    chosen: Any = found.chosen
    assert [p.random_baseline for p in found.curve] == [p.random_baseline for p in again.curve]
    measured = [p for p in found.curve if p.random_baseline is not None]
    assert chosen in measured and found.curve[-1] in measured and len({p.n_edges for p in measured}) <= 7
    assert found.curve[-1].random_baseline == pytest.approx(1)
    assert chosen.random_baseline < chosen.faithfulness - 0.3


def test_the_baseline_of_a_point_is_that_of_circuits_of_its_size(case):
    """Evaluated one by one, with their mean, smallest and largest; sizes that pruning makes equal have one baseline."""
    from circuit_core.circuits.random_circuits import random_circuits
    from circuit_core.circuits.search import minimal_circuit

    run, scores = case
    curve: Any = minimal_circuit(run, scores, sizes=(1, 20, 40), draws=3).curve
    sizes = [p.n_edges for p in curve]
    drawn = [random_circuits(sizes, run.graph, seed) for seed in range(3)]
    for point in curve:
        metrics = [run.metrics(circuits[point.n_edges][None]).mean().item() for circuits in drawn]
        shares = np.array(metrics) / run.clean.mean().item()
        expected = (shares.mean(), shares.min(), shares.max())
        assert (point.random_baseline, point.random_low, point.random_high) == pytest.approx(expected, abs=1e-5)


def test_sizes_of_one_pruned_circuit_are_evaluated_once(case):
    """Invariant: what is the same circuit has the same figures to the bit."""
    from circuit_core.circuits import selection
    from circuit_core.circuits.faithfulness import Curve

    run, scores = case
    curve = Curve(run, selection.order(scores, run.graph))
    points = curve.evaluate(list(range(1, 30)))
    assert [p.n_requested for p in points] == list(range(1, 30))
    same = {(p.n_edges, p.metric, p.faithfulness) for p in points}
    assert len(same) == len({p.n_edges for p in points}) < 29


def test_a_planted_path_is_the_whole_circuit():
    """By hand: a0.h0 writes the previous token where a1.h0 alone reads it and writes it out; nothing else does.

    The answer is the token before the last, which the corrupted prompt replaces: the circuit is that path, whole.
    """
    import torch
    from planted import two_step_copy

    from circuit_core.attribution.edge_scores import attribute
    from circuit_core.circuits.search import minimal_circuit
    from circuit_core.interchange.evaluation import Interchange
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
    scores = attribute(LoadedModel(bridge, graph), prompts).scores
    found = minimal_circuit(Interchange(LoadedModel(bridge, graph), prompts), scores)
    assert graph.edge_names(found.mask) == ["input->a0.h0<v>", "a0.h0->a1.h0<v>", "a1.h0->logits"]
