"""The IOI algorithm where it cannot be followed: which stages are undefined, and the reason that they give."""

from dataclasses import replace

import pytest
import torch
from ioi_stages import algorithm, some_roles


@pytest.fixture(scope="module")
def roles(named):
    return some_roles(named[1])


def test_prompts_without_names_are_refused(parallel, roles):
    from circuit_core.errors import TaskError

    with pytest.raises(TaskError, match="lacks the position of IO"):
        algorithm((parallel.bridge, parallel.graph, parallel.prompts), roles)


def test_corruption_that_changes_nothing_is_the_reason(named, roles):
    from circuit_core.circuits.faithfulness import NO_CHANGE

    bridge, graph, prompts = named
    same = algorithm((bridge, graph, replace(prompts, corrupted=prompts.clean)), roles)
    assert [stage.reason for stage in same.stages] == [NO_CHANGE] * 3
    assert not any(head for stage in same.stages for head in stage.heads.values())


def test_corruption_that_is_not_finite_is_the_reason(named, roles, fresh_parallel):
    """A token that the clean prompts lack has no finite embedding."""
    from circuit_core.circuits.faithfulness import NOT_FINITE

    _, graph, prompts = named
    token = min(set(range(97)) - set(prompts.clean.flatten().tolist()))
    corrupted = prompts.corrupted.clone()
    corrupted[:, 1] = token
    with torch.no_grad():
        fresh_parallel.bridge.W_E[token] = torch.nan
    broken = algorithm((fresh_parallel.bridge, graph, replace(prompts, corrupted=corrupted)), roles)
    assert [stage.reason for stage in broken.stages] == [NOT_FINITE] * 3


def test_without_movers_later_stages_are_undefined(named):
    graph = named[1]
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
    bridge, graph, prompts = named
    every = torch.ones(graph.n_layers, graph.n_heads)
    equal = replace(prompts, corrupted=prompts.clean)
    none = algorithm((bridge, graph, equal), some_roles(graph, negative_name_mover=every))
    assert none.effect_logits is None
    assert not none.movers_and_suppressors.heads.get("negative_name_mover") and none.movers_and_suppressors.reason


def test_a_model_that_fails_has_no_percents(named, roles):
    from circuit_core.tasks.metrics import LogitDifference

    bridge, graph, prompts = named
    swapped = replace(prompts, metric=LogitDifference(prompts.metric.wrong, prompts.metric.correct))
    failed = algorithm((bridge, graph, swapped), roles)
    assert [stage.reason for stage in failed.stages] == ["does not do the task"] * 3
    assert failed.effect_logits is None
