"""Emergence as a fitted curve, on series drawn from known ones, and how far its step hangs on thresholds (l.14)."""

import numpy as np
import pytest

from circuit_core.trends.floors import Floor
from circuit_core.trends.logistic import Logistic, logistic
from circuit_core.trends.sensitivity import Sensitivity, head_sensitivity, task_sensitivity

TOKENS = [0, *(2**i for i in range(20, 39))]
"""Of twenty checkpoints, the first untrained."""
X = np.log(np.maximum(TOKENS, 1))


def curve(lower: float, plateau: float, midpoint: float, width: float) -> np.ndarray:
    return lower + (plateau - lower) / (1 + np.exp(-np.clip((X - np.log(midpoint)) / width, -500, 500)))


@pytest.mark.parametrize(
    "true", [(0.1, 0.9, 2e9, 0.7), (-1.0, 3.5, 2e8, 1.5), (0.0, 0.4, 3e9, 1.0), (0.05, 0.06, 1e9, 2.0)]
)
def test_a_curve_without_noise_is_found_again(true):
    found = logistic(TOKENS, curve(*true))
    assert (found.lower, found.plateau, found.midpoint, found.width) == pytest.approx(true, rel=1e-3, abs=1e-3)
    assert found.r2 == pytest.approx(1) and found.reason is None
    assert found.midpoint_low == max(n for n in TOKENS if n <= true[2])
    assert found.midpoint_high == min(n for n in TOKENS if n >= true[2])


def test_the_interval_holds_the_midpoint_of_noisy_series():
    """Of 40 series with little noise at least 36 intervals hold it, with much 32: that they end at the highest value is
    a bias which grows with the noise. Wider noise gives wider intervals."""
    rng, widths = np.random.default_rng(0), []
    for noise, least in ((0.02, 36), (0.1, 32)):
        fits = [logistic(TOKENS, curve(0.1, 0.9, 2e9, 1.0) + rng.normal(0, noise, len(X))) for _ in range(40)]
        known = [(fit.midpoint_low, fit.midpoint_high) for fit in fits if fit.midpoint_low and fit.midpoint_high]
        assert len(known) == 40 and sum(low <= 2e9 <= high for low, high in known) >= least
        widths.append(np.mean([high / low for low, high in known]))
    assert widths[0] < widths[1]


def test_an_interval_over_prompts_follows_them():
    """Two kinds of prompts, of which one rises much later: which are drawn moves the midpoint, without any noise."""
    early, late = curve(0, 1, 2e8, 0.5), curve(0, 1, 2e10, 0.5)
    values = np.stack([early] * 6 + [late] * 2, 1)
    over_prompts = logistic(TOKENS, values.mean(1), by_prompt=values)
    alike = logistic(TOKENS, values.mean(1), by_prompt=values.mean(1)[:, None].repeat(8, 1))
    assert over_prompts.midpoint == alike.midpoint and alike.midpoint_low and alike.midpoint_high
    assert over_prompts.midpoint_high and over_prompts.midpoint_high > alike.midpoint_high
    assert over_prompts.midpoint_low and over_prompts.midpoint_low <= alike.midpoint_low


def test_a_loss_is_no_part_of_the_rise():
    """Only what comes up to the maximum is fitted."""
    rise = curve(0, 1, 1e8, 0.5)
    lost = np.where(X > np.log(1e10), 0.1, rise)
    found = logistic(TOKENS, lost)
    assert found.midpoint == pytest.approx(1e8, rel=1e-2) and found.r2 == pytest.approx(1)


def test_what_is_no_rise_says_why():
    """NULL, never a number: too few checkpoints, no rise, a bad fit, a plateau below the floor, unknown tokens."""
    nothing = logistic(TOKENS, np.full(len(X), 0.5))
    assert nothing == Logistic(reason="needs 5 checkpoints up to the highest value: 1")
    level = logistic(TOKENS, np.where(np.arange(len(X)) % 2, 0.0, 1.0) * (np.arange(len(X)) + 1))
    assert level.midpoint is None and level.r2 and level.r2 < 0.8
    assert level.reason and level.reason.startswith("no logistic curve fits: R^2")
    falls = curve(1, 0, 2e9, 1.0)
    falls[-1] = 1.001
    assert logistic(TOKENS, falls).midpoint is None
    low = logistic(TOKENS, curve(0, 0.2, 2e9, 1.0), floor=0.3)
    assert low.midpoint is None and low.reason == "the plateau 0.2 is below the floor (0.3)"
    assert logistic([None] * len(X), curve(0, 1, 2e9, 1.0)).reason == "the number of tokens is not known"
    assert logistic([], np.zeros(0)).reason == "needs 5 checkpoints up to the highest value: 0"


def test_what_was_not_measured_is_passed_over():
    values = curve(0.1, 0.9, 2e9, 1.0)
    values[[3, 8]] = np.nan
    assert logistic(TOKENS, values).midpoint == pytest.approx(2e9, rel=1e-3)


def test_each_threshold_moves_the_step_by_itself():
    """Maximum 1: at .375 and .625 of it step 2 and 4; the floor .45 lowered gives .5's step, raised .5625's."""
    steps, scores = [0, 1, 2, 3, 4, 5], np.array([0.1, 0.2, 0.46, 0.5, 0.8, 1.0])
    assert head_sensitivity(steps, scores, Floor(0.45)) == Sensitivity(2, 4, 3, 4)
    assert head_sensitivity(steps, scores, Floor(0.95)) == Sensitivity(None, None, 4, None)


def test_a_task_is_as_sensitive_as_its_final_metric():
    """Final 2 with stderr .9, so two of them are 1.8, and 2.25 when raised."""
    steps, metric = [0, 1, 2, 3, 4], np.array([0.0, 0.8, 1.1, 1.5, 2.0])
    assert task_sensitivity(steps, metric, np.full(5, 0.9)) == Sensitivity(1, 3, 2, None)
    assert task_sensitivity([0], metric[:1], np.zeros(1)) == Sensitivity(None, None, None, None)
