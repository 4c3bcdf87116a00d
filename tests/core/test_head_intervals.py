"""Intervals of role scores over prompts or sequences (METHODS l.5): mean +- t SE, within 0 and 1."""

from typing import Any

import pytest
import torch


def test_the_interval_of_a_fraction_by_hand():
    """(.4, .6, .4, .6): variance .04/3, SE sqrt(.04/3 / 4) = .05774, t of 3 degrees 3.182; (0, 0, 0, 1) is clamped."""
    from circuit_core.heads.attention import RoleScores

    each = torch.tensor([[[0.4, 0.6, 0.4, 0.6], [0.0, 0.0, 0.0, 1.0]]])
    found = RoleScores("x", each.mean(-1)).over(each)
    assert found.low is not None and found.high is not None
    assert found.low[0].tolist() == pytest.approx([0.5 - 3.182 * 0.05774, 0], abs=1e-4)
    assert found.high[0].tolist() == pytest.approx([0.5 + 3.182 * 0.05774, 1], abs=1e-4)
    assert RoleScores("x", each[..., 0]).over(each[..., :1]).low is None


def test_what_differs_between_strata_widens_no_interval():
    from circuit_core.heads.attention import RoleScores

    each = torch.tensor([[[0.2, 0.8, 0.2, 0.8]]])
    found = RoleScores("x", each.mean(-1)).over(each, (0, 1, 0, 1))
    assert found.low is not None and found.low.item() == found.value.item() == pytest.approx(0.5)


def test_intervals_of_the_roles_hold_their_values_and_are_those_of_the_prompts(named):
    """Copy scores and attention from the answer: by the standard error of a task's mean; attention on random tokens:
    over sequences, the control taken off each."""
    from circuit_core.heads.attention import attention_roles
    from circuit_core.heads.attention_from_end import attention_from_end
    from circuit_core.heads.name_movers import copy_scores
    from circuit_core.statistics import StandardError

    loaded, prompts = named
    movers, negative = copy_scores(loaded, prompts)
    drawn = attention_roles(loaded, torch.arange(loaded.n_vocab), loaded.bridge.cfg.n_ctx)
    roles: list[Any] = [movers, negative, *attention_from_end(loaded, prompts).roles, *drawn]
    for role in roles:
        assert (role.low <= role.value).all() and (role.value <= role.high).all(), role.role
        assert (role.low < role.high).any(), role.role
    assert movers.by_prompt is not None and movers.high is not None
    error = StandardError.of(movers.by_prompt[0, 0], prompts.strata)
    assert error and movers.high[0, 0].item() == pytest.approx(movers.value[0, 0].item() + error.half_width, abs=1e-6)
