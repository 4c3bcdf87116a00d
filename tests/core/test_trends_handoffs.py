"""Hand-offs: pairs of a loss and a gain near each other, one taker a loss (METHODS l.4)."""

import numpy as np
import pytest

STEPS = [0, 1, 2, 4, 512, 1000, 3000, 7000, 9000, 9500, 9900, 9990]


def held(first: int, last: int = 12, height: float = 1.0) -> list[float]:
    """A score of `height` at checkpoints first to last - 1, else 0."""
    return [height * (first <= i < last) for i in range(12)]


def found(*heads: list[float], **window: int):
    from circuit_core.trends.emergence import role_emergence
    from circuit_core.trends.handoffs import handoffs

    return handoffs(STEPS, role_emergence(STEPS, np.array(heads).T[:, None], "induction").heads, **window)


def pairs(*heads: list[float], **window: int):
    """(from head, lost step, to head, gained step) of each hand-off."""
    return [(h.from_head, h.lost_step, h.to_head, h.gained_step) for h in found(*heads, **window)]


A = held(1, 7, 0.8)


def test_of_those_that_rise_enough_the_one_that_rises_most_takes_the_role():
    """The example of METHODS l.4. A falls .8 at t; B rises .7 at t - 1, C .5 at t + 2, D .9 at t - 6: B takes it, C
    and D do not."""
    (row,) = found(A, held(6, height=0.7), held(9, height=0.5), held(1, height=0.9))
    assert (row.from_head, row.lost_step, row.to_head, row.gained_step) == (0, 7000, 1, 3000)
    assert (row.fall, row.rise, row.window) == (pytest.approx(0.8), pytest.approx(0.7), 3)


@pytest.mark.parametrize(("gained", "within"), [(3, False), (4, True), (6, True), (7, True), (10, True), (11, False)])
def test_the_window_is_three_checkpoints_either_way(gained, within):
    """Whatever the steps' spacing. What comes at checkpoint 11, the last, has not emerged."""
    assert pairs(A, held(gained)) == ([(0, 7000, 1, STEPS[gained])] if within else [])
    assert pairs(A, held(5), window=1) == []


@pytest.mark.parametrize(("height", "takes"), [(0.39, False), (0.4, True)])
def test_a_taker_rises_at_least_half_as_far_as_the_giver_falls(height, takes):
    assert bool(pairs(A, held(8, height=height))) == takes


def test_a_gain_serves_once_and_the_loss_that_falls_most_comes_first():
    """Two losses at once and one taker: the larger fall has it. A second taker goes to the smaller."""
    small, taker, other = held(1, 7, 0.6), held(6), held(8, height=0.7)
    assert pairs(small, A, taker) == [(1, 7000, 2, 3000)]
    assert pairs(small, A, taker, other) == [(1, 7000, 2, 3000), (0, 7000, 3, 9000)]


def test_a_gain_at_the_first_checkpoint_has_not_been_seen_to_rise():
    assert pairs(held(0, 2), held(0)) == []


def test_a_head_cannot_hand_to_itself():
    """Gained at checkpoint 5, lost at 7, and regained at 9: no pair of one head."""
    lost_and_regained = [0.0] * 5 + [1.0, 1, 0, 0, 1, 1, 1]
    assert pairs(lost_and_regained) == []


def test_nothing_is_handed_on_without_loss_or_without_gain():
    assert pairs(held(1), held(4)) == []
    assert pairs(A, [0.0] * 12) == []


def test_chance_is_how_often_losses_at_other_times_find_a_taker():
    """One loss, one gain at checkpoint 6 of 12: of the 11 other times of the loss 6 lie within 3 of it, so 6 of 11
    shifts give one hand-off; those drawn are the same each time."""
    (row,) = found(A, held(6))
    assert row.expected_by_chance == pytest.approx(6 / 11, abs=0.12)
    assert found(A, held(6)) == [row]


def test_permuted_heads_are_permuted_rows():
    """Invariant: the pairs, named by what they are, do not depend on the heads' order."""
    heads = [held(1, 4), held(3, 6, 0.9), held(5, height=0.8), held(6, height=0.7)]
    order = [2, 0, 3, 1]
    renamed = {(order[a], lost, order[b], gained) for a, lost, b, gained in pairs(*(heads[i] for i in order))}
    assert len(renamed) == 2
    assert renamed == set(pairs(*heads))
