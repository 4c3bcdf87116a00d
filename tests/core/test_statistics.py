"""BCa intervals, against the same by plain loops and against cases that are known (METHODS l.6)."""

import math
from statistics import NormalDist, mean
from typing import Any

import pytest
import torch

NORMAL = NormalDist()


def resampling(n: int, strata=(), seed: int = 0) -> Any:
    from circuit_core.statistics import Resampling

    return Resampling.of(n, strata, seed)


def share(values: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """A skewed figure: the sum of the first column over that of both."""
    first, both = weights @ values[:, 0], weights @ values.sum(1)
    return first / both


def plainly(values: list[tuple[float, float]], draws: list[list[int]], groups: list[list[int]]) -> tuple[float, float]:
    """Efron's formulas, prompt by prompt; `draws` are lists of prompts."""

    def figure(counted: list[tuple[int, float]]) -> float:
        return sum(w * values[i][0] for i, w in counted) / sum(w * sum(values[i]) for i, w in counted)

    value = figure([(i, 1) for i in range(len(values))])
    drawn = sorted(figure([(i, 1) for i in draw]) for draw in draws)
    below = mean(1 if d < value else 0.5 if d == value else 0 for d in drawn)
    z0, cubes, squares = NORMAL.inv_cdf(below), 0.0, 0.0
    for group in groups:
        m, left_out = len(group), []
        for out in group:
            kept = [(i, m / (m - 1) if i in group else 1) for i in range(len(values)) if i != out]
            left_out.append(figure(kept))
        for one in left_out:
            d = (m - 1) / m * (mean(left_out) - one)
            cubes, squares = cubes + d**3, squares + d**2
    a = cubes / (6 * squares**1.5)
    ends = []
    for z in (NORMAL.inv_cdf(0.025), NORMAL.inv_cdf(0.975)):
        at = (len(drawn) - 1) * NORMAL.cdf(z0 + (z0 + z) / (1 - a * (z0 + z)))
        first = math.floor(at)
        ends.append(drawn[first] + (at - first) * (drawn[min(first + 1, len(drawn) - 1)] - drawn[first]))
    return ends[0], ends[1]


@pytest.mark.parametrize("strata", [(), [0, 1] * 6, [0] * 3 + [5] * 9])
def test_the_same_by_plain_loops(strata):
    """Skewed values; in strata, prompts of the other stratum keep their weight when one is left out."""
    values = torch.rand(12, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64) ** 6
    draws = resampling(12, strata)
    weights = draws.weights.double()
    listed = [[i for i, times in enumerate(row.tolist()) for _ in range(int(times))] for row in weights[1:1001]]
    found = draws.interval(share(values, weights))
    assert found == pytest.approx(plainly(values.tolist(), listed, [of.tolist() for of in draws.strata]), rel=1e-6)


def test_of_a_symmetric_mean_it_is_the_plain_interval_of_quantiles():
    """+-1 and 0: no skewness (a = 0), and hardly any bias."""
    values = torch.tensor([-1.0, 1.0] * 50)
    draws = resampling(100)
    means = draws.weights @ values / 100
    low, high = draws.interval(means)
    assert draws._acceleration(means[1001:].double()).item() == pytest.approx(0, abs=1e-6)
    assert (low, high) == pytest.approx((-0.196, 0.196), abs=0.03)


def test_acceleration_of_a_mean_is_a_sixth_of_its_skewness():
    """Closed form (Efron 1987): skewness / (6 sqrt n)."""
    values = torch.tensor([0.0] * 9 + [1.0], dtype=torch.float64)
    draws = resampling(10)
    left_out = (draws.weights.double() @ values / 10)[1001:]
    skewness = ((values - 0.1) ** 3).mean() / 0.3**3
    assert draws._acceleration(left_out).item() == pytest.approx(skewness.item() / (6 * math.sqrt(10)), rel=1e-6)


@pytest.mark.parametrize("at", [0.0, 37.5, 100.0])
def test_where_all_draws_are_equal_so_are_both_ends(at):
    draws = resampling(7)
    assert draws.interval(torch.full((len(draws.weights),), at)) == (at, at)


def test_draws_that_differ_from_the_figure_by_rounding_are_equal_to_it():
    """Half of the draws are the figure itself, a quarter each lies above and below: no bias, whichever way rounding
    goes."""
    draws = resampling(9)
    figures = torch.tensor([50.0] + [50.0, 40.0, 50.0, 60.0] * 250 + [50.0] * 9)
    rounded = figures.where(figures != 50, torch.tensor(50.00001))
    rounded[0] = 50
    assert draws.interval(figures) == draws.interval(rounded) == (40, 60)


def test_a_figure_at_the_edge_of_its_draws_has_finite_ends():
    """No draw lies above it: the bias is that of half a draw."""
    draws = resampling(5)
    figures = torch.rand(len(draws.weights), generator=torch.Generator().manual_seed(0))
    figures[0] = 2
    low, high = draws.interval(figures)
    assert 0 < low <= high <= 1


def test_nothing_is_said_of_one_prompt_or_of_no_number():
    assert resampling(1).interval(torch.ones(1002)) is None
    figures = torch.ones(1003)
    figures[1:1001] = torch.nan
    assert resampling(2).interval(figures) is None
    figures = torch.arange(1003.0)
    missing = figures.clone()
    missing[7] = torch.nan
    assert resampling(2).interval(missing) == pytest.approx(resampling(2).interval(figures), abs=3)


def test_each_stratum_is_drawn_as_often_as_it_has_prompts():
    """A prompt that is alone joins its neighbours; the same arguments give the same draws, another seed others."""
    strata = [3, 0, 0, 3, 3, 1, 9]
    draws = resampling(7, strata)
    assert [of.tolist() for of in draws.strata] == [[1, 2], [5, 0, 3, 4, 6]]
    for of in draws.strata:
        assert torch.allclose(draws.weights[:, of].sum(1), torch.tensor(float(len(of))))
    assert torch.equal(draws.weights, resampling(7, strata).weights)
    assert not torch.equal(draws.weights, resampling(7, strata, seed=1).weights)
    assert torch.equal(draws.weights[0], torch.ones(7))
    assert torch.equal(draws.weights[1001:].diagonal(), torch.zeros(7))
