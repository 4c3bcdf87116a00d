"""The IOI algorithm where it cannot be followed: which stages are undefined, and the reason that they give."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from ioi_stages import algorithm, some_roles


@pytest.fixture(scope="module")
def roles(named):
    return some_roles(named[0].graph)


def test_prompts_without_names_are_refused(parallel, roles):
    from circuit_core.errors import TaskError

    with pytest.raises(TaskError, match="lacks the position of IO"):
        algorithm((parallel.loaded, parallel.prompts), roles)


def test_corruption_that_changes_nothing_is_the_reason(named, roles):
    from circuit_core.circuits.faithfulness import NO_CHANGE

    loaded, prompts = named
    same = algorithm((loaded, replace(prompts, corrupted=prompts.clean)), roles)
    assert [stage.reason for stage in same.stages] == [NO_CHANGE] * 3
    assert not any(head for stage in same.stages for head in stage.heads.values())


def test_corruption_that_is_not_finite_is_the_reason(named, roles, fresh_parallel):
    """A token that the clean prompts lack has no finite embedding."""
    from circuit_core.circuits.faithfulness import NOT_FINITE

    loaded, prompts = named
    token = min(set(range(97)) - set(prompts.clean.flatten().tolist()))
    corrupted = prompts.corrupted.clone()
    corrupted[:, 1] = token
    with torch.no_grad():
        fresh_parallel.bridge.W_E[token] = torch.nan
    broken = algorithm((fresh_parallel.loaded, replace(prompts, corrupted=corrupted)), roles)
    assert [stage.reason for stage in broken.stages] == [NOT_FINITE] * 3


def test_without_movers_later_stages_are_undefined(named):
    graph = named[0].graph
    none = torch.zeros(graph.n_layers, graph.n_heads)
    empty = algorithm(named, some_roles(graph, name_mover=none))
    assert empty.movers_and_suppressors.percent == 0
    assert [stage.percent for stage in empty.stages[1:]] == [None, None]
    assert "no name mover" in empty.s_inhibition.reason
    assert not empty.complete
    none[0] = 1
    assert algorithm(named, some_roles(graph, name_mover=none)).effect_movers_q is None


def test_an_effect_that_is_undefined_makes_no_head_a_mover(named):
    """Equal prompts: nothing is damaged, there are no effects, and no head counts as one that hurts."""
    loaded, prompts = named
    graph = loaded.graph
    every = torch.ones(graph.n_layers, graph.n_heads)
    equal = replace(prompts, corrupted=prompts.clean)
    none = algorithm((loaded, equal), some_roles(graph, negative_name_mover=every))
    assert none.effect_logits is None
    assert not none.movers_and_suppressors.heads.get("negative_name_mover") and none.movers_and_suppressors.reason


def test_a_model_that_fails_has_no_percents(named, roles):
    from circuit_core.tasks.metrics import LogitDifference

    loaded, prompts = named
    swapped = replace(prompts, metric=LogitDifference(prompts.metric.wrong, prompts.metric.correct))
    failed = algorithm((loaded, swapped), roles)
    assert [stage.reason for stage in failed.stages] == ["does not do the task"] * 3
    assert failed.effect_logits is None


@pytest.mark.parametrize("role", ["induction", "duplicate_token"])
def test_only_the_last_stage_needs_scores_of_attention(named, roles, role):
    """Stages 1 and 2 and all effects are what they are with them; whether every stage has heads is not known (l.2)."""
    missing: dict[str, Any] = {role: None, "missing": roles.missing | {role: "a context of 64 tokens is too short"}}
    whole, found = algorithm(named, roles), algorithm(named, replace(roles, **missing))
    assert (found.movers_and_suppressors, found.s_inhibition) == (whole.movers_and_suppressors, whole.s_inhibition)
    for effect in ("effect_logits", "effect_movers_q", "effect_inhibition_v"):
        assert torch.equal(getattr(found, effect), getattr(whole, effect))
    assert found.induction_and_duplicate.percent is None
    assert found.induction_and_duplicate.reason == "a context of 64 tokens is too short"
    assert (whole.complete, found.complete) == (True, None)


def test_an_empty_set_has_percent_zero_and_no_interval(named):
    """Unlike a set that is undefined: nothing of it is known. A single prompt has a percent and no interval."""
    loaded, prompts = named
    graph = loaded.graph
    none = torch.zeros(graph.n_layers, graph.n_heads)
    first, second, _ = algorithm(named, some_roles(graph, name_mover=none)).stages
    assert (first.percent, first.low, first.high, first.percent_random, first.effect) == (0, None, None, 0, 0)
    assert (second.percent, second.percent_random, second.effect) == (None, None, None) and second.reason
    one = algorithm((loaded, prompts[:1]), some_roles(graph)).movers_and_suppressors
    assert one.percent > 0 and (one.low, one.high) == (None, None) and "one prompt" in one.note
