"""A task's acquisition on curves with known crossings (METHODS g.6)."""

import numpy as np
import pytest

STEPS = [0, 1, 2, 4, 512, 1000, 3000, 7000]
NAN = float("nan")


def acquired(metric: list[float], stderr: float = 0.1):
    from circuit_core.trends.tasks import task_acquisition

    return task_acquisition(STEPS[: len(metric)], np.array(metric, dtype=float), np.full(len(metric), stderr))


def test_half_and_nine_tenths_of_the_final_metric():
    """Final 2: half of it is 1, nine tenths 1.8; the lowest metric before half is the minimum."""
    found = acquired([0, -0.5, -0.8, 0.9, 1.0, 1.7, 1.8, 2.0])
    assert (found.half_step, found.most_step) == (512, 3000)
    assert (found.half_threshold, found.most_threshold, found.least) == (1.0, 1.8, 0.2)
    assert (found.final, found.final_step) == (2.0, 7000)
    assert (found.minimum, found.minimum_step) == (-0.8, 2)
    assert found.reason is None


def test_a_single_checkpoint_above_half_is_passed_over():
    assert acquired([0, 1.5, 0, 0, 1, 1, 2, 2]).half_step == 512


def test_the_last_checkpoint_needs_no_next():
    """What the others are measured by reaches itself."""
    found = acquired([0, 0, 0, 0, 0, 0, 0, 2])
    assert (found.half_step, found.most_step) == (7000, 7000)


def test_a_metric_that_is_there_from_the_start_has_no_minimum_before():
    found = acquired([2, 2, 0, 2])
    assert (found.half_step, found.minimum, found.minimum_step) == (0, None, None)


def test_the_minimum_is_before_emergence_not_of_the_run():
    assert acquired([0.2, 0.1, 2, 2, -3, 2]).minimum == pytest.approx(0.1)


def test_a_final_metric_within_two_standard_errors_is_a_reason():
    found = acquired([0, 1, 1, 0.2])
    assert (found.half_step, found.most_step, found.minimum) == (None, None, None)
    assert found.reason == "the final metric 0.2 at step 4 is not above two standard errors (0.2)"
    assert acquired([0, 1, 1, 0.201]).reason is None
    assert acquired([0, 1, 1, -2]).reason is not None


def test_checkpoints_without_a_metric_are_passed_over():
    """Invariant: gaps change nothing but which checkpoints there are; the last metric is the final one."""
    found = acquired([NAN, -1, NAN, 1, NAN, 2, 2, NAN])
    assert (found.final_step, found.half_step, found.most_step, found.minimum_step) == (3000, 4, 1000, 1)


@pytest.mark.parametrize(("metric", "n"), [([], 0), ([2.0], 1), ([NAN, 2.0, NAN], 1)])
def test_fewer_than_two_measurements_are_a_reason(metric, n):
    assert acquired(metric).reason == f"needs two checkpoints: {n} measured"
