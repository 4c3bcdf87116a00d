"""Hand-offs: pairs of a loss and a gain near each other, and no others."""

import numpy as np
import pytest

STEPS = [0, 1, 2, 4, 512, 1000, 3000, 7000]


def held(first: int, last: int = 8) -> list[float]:
    """A score of 1 at checkpoints first to last - 1, else 0."""
    return [float(first <= i < last) for i in range(8)]


def pairs(*heads: list[float], **window: int):
    """(from head, lost step, to head, gained step) of each hand-off."""
    from circuit_core.trends.emergence import role_emergence
    from circuit_core.trends.handoffs import handoffs

    found = role_emergence(STEPS, np.array(heads).T[:, None], "induction").heads
    return [(h.from_head, h.lost_step, h.to_head, h.gained_step) for h in handoffs(STEPS, found, **window)]


@pytest.mark.parametrize("gained", [2, 3, 4, 5, 6])
def test_a_gain_within_two_checkpoints_of_the_loss_is_a_hand_off(gained):
    """The loss is at checkpoint 4 (step 512): gains at 2 to 6 count, whatever the steps' spacing."""
    assert pairs(held(0, 4), held(gained)) == [(0, 512, 1, STEPS[gained])]


def test_a_gain_outside_the_window_is_none():
    assert pairs(held(0, 4), held(1)) == []
    assert pairs(held(0, 4), held(5), window=0) == []
    assert pairs(held(0, 4), held(1), window=3) == [(0, 512, 1, 1)]


def test_the_row_says_who_when_and_within_which_window():
    from circuit_core.trends.emergence import HeadEmergence
    from circuit_core.trends.handoffs import Handoff, handoffs

    giver = HeadEmergence("induction", 1, 3, 1.0, 0, 0.5, 0.33, emerged_step=0, lost_step=4)
    taker = HeadEmergence("induction", 2, 0, 1.0, 512, 0.5, 0.33, emerged_step=512, lost_step=None)
    assert handoffs(STEPS, [taker, giver], window=1) == [Handoff("induction", 1, 3, 4, 2, 0, 512, 1)]


def test_a_head_cannot_hand_to_itself():
    """Lost at checkpoint 2, two after it was gained, and regained at 4: no pair of one head."""
    lost_and_regained = [1.0, 1, 0, 0, 1, 1, 1, 1]
    assert pairs(lost_and_regained) == []


def test_a_head_takes_nothing_from_one_that_had_the_role_later():
    """Invariant: a taker emerges after its giver."""
    assert pairs(held(2, 4), held(2)) == []
    assert pairs(held(3, 5), held(2), window=8) == []


def test_nothing_is_handed_on_without_loss_or_without_gain():
    assert pairs(held(0), held(4)) == []
    assert pairs(held(0, 4), [0.0] * 8) == []


def test_other_roles_are_no_takers():
    from circuit_core.trends.emergence import role_emergence
    from circuit_core.trends.handoffs import handoffs

    lost, gained = (np.array(x)[:, None, None] for x in (held(0, 4), held(4)))
    heads = role_emergence(STEPS, lost, "induction").heads + role_emergence(STEPS, gained, "successor").heads
    assert handoffs(STEPS, heads) == []


def test_one_loss_may_have_several_takers_in_the_order_of_their_gains():
    assert pairs(held(5), held(0, 4), held(3)) == [(1, 512, 2, 4), (1, 512, 0, 1000)]


def test_permuted_heads_are_permuted_rows():
    """Invariant: the pairs, named by what they are, do not depend on the heads' order."""
    heads = [held(0, 4), held(3, 6), held(5), held(6)]
    order = [2, 0, 3, 1]
    renamed = {(order[a], lost, order[b], gained) for a, lost, b, gained in pairs(*(heads[i] for i in order))}
    assert len(renamed) == 5
    assert renamed == set(pairs(*heads))
