"""The heads that the published figures choose (METHODS g.4, g.5)."""

import numpy as np
import pytest

STEPS = [0, 1, 512, 1000]
NAN = float("nan")


def model(*heads: list[float]) -> np.ndarray:
    """[step, 1, head] of one curve a head."""
    return np.array(heads, dtype=float).T[:, None]


def names(shown) -> list[tuple[int, int]]:
    return [(h.head, h.step) for h in shown.heads]


def test_the_earliest_head_to_reach_a_third_of_the_highest_score():
    """Highest of all 1, so the threshold is .33: a head of .32 does not qualify, however early."""
    from circuit_core.trends.figures import figure_2_head

    shown = figure_2_head(STEPS, model([0.32] * 4, [0, 0.33, 0.1, 0], [0, 0, 1, 1]), "induction")
    assert names(shown) == [(1, 1)]
    assert shown.threshold == pytest.approx(0.33)


def test_the_restriction_removes_an_earlier_head_and_leaves_the_threshold():
    from circuit_core.trends.figures import figure_2_head

    scores = model([0, 1, 1, 1], [0, 0, 0.4, 0.4], [0.3, 0, 0, 0])
    shown = figure_2_head(STEPS, scores, "induction", np.array([[False, True, True]]))
    assert names(shown) == [(1, 512)]
    assert shown.threshold == pytest.approx(0.33)
    assert names(figure_2_head(STEPS, scores, "induction", np.array([[False, False, True]]))) == []


def test_ties_go_to_the_higher_maximum_then_to_the_lower_head():
    from circuit_core.trends.figures import figure_2_head

    assert names(figure_2_head(STEPS, model([0, 0.5, 0, 0], [0, 0.5, 0, 1]), "induction")) == [(1, 1)]
    assert names(figure_2_head(STEPS, model([0, 1, 0, 0], [0, 1, 0, 0]), "induction")) == [(0, 1)]


def test_copy_suppression_outside_zero_to_one_counts_as_zero():
    """Of the other roles nothing is cut."""
    from circuit_core.trends.figures import figure_2_head

    scores = model([5, 0, 0, 0], [-9, 0.2, 0.6, 0.6])
    shown = figure_2_head(STEPS, scores, "copy_suppression")
    assert names(shown) == [(1, 1)]
    assert shown.threshold == pytest.approx(0.198)
    assert names(figure_2_head(STEPS, scores, "name_mover")) == [(0, 0)]


@pytest.mark.parametrize("scores", [np.zeros((4, 2, 2)), np.full((4, 2, 2), NAN), np.zeros((0, 2, 2))])
def test_without_a_positive_score_nothing_is_shown(scores):
    from circuit_core.trends.figures import FigureHeads, figure_2_head, top_heads

    assert figure_2_head(STEPS, scores, "induction") == top_heads(STEPS, scores, "induction") == FigureHeads([], 0.0)


def test_the_five_heads_that_are_in_the_circuit_most_often():
    """Of seven strong heads the five of most checkpoints; equal counts go to the higher maximum."""
    from circuit_core.trends.figures import top_heads

    scores = model(*([0, 0, 0, m] for m in (1, 0.8, 0.9, 0.7, 0.6, 0.5, 0.4, 0.2)))
    counts = np.array([[0, 1, 1, 3, 0, 2, 4, 9]])
    assert [h.head for h in top_heads(STEPS, scores, "induction", counts).heads] == [6, 3, 5, 2, 1]
    assert [h.head for h in top_heads(STEPS, scores, "induction").heads] == [0, 2, 1, 3, 4]
    few = np.array([[False] * 5 + [True] * 3])
    assert [h.head for h in top_heads(STEPS, scores, "induction", counts, few).heads] == [6, 5]


@pytest.mark.parametrize(("role", "heads"), [("successor", [0]), ("induction", [0, 1])])
def test_a_successor_head_must_be_stronger(role, heads):
    """.4 of the highest of all for successor heads, .25 for others; this head has .3."""
    from circuit_core.trends.figures import top_heads

    assert [h.head for h in top_heads(STEPS, model([0, 0, 0, 1], [0, 0, 0, 0.3]), role).heads] == heads
