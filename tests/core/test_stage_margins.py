"""No head is of a class because of rounding (METHODS l.1): equal but for float32 sums in another order is equal."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from ioi_stages import algorithm, some_roles

NOISE = 3e-7


def test_a_head_that_writes_nothing_is_no_negative_mover(named, fresh_parallel):
    """The patched run differs from the clean one by rounding all the same; nor is it one that suppresses copies."""
    loaded, prompts = named
    graph = loaded.graph
    silent = (graph.n_layers - 1, 1)
    with torch.no_grad():
        fresh_parallel.bridge.blocks[silent[0]].attn.W_O[silent[1]] = 0
    every = torch.ones(graph.n_layers, graph.n_heads)
    roles = some_roles(graph, name_mover=every, negative_name_mover=every, copy_suppression=every)
    found = algorithm((fresh_parallel.loaded, prompts), roles)
    assert abs(found.effect_logits[silent].item()) < 1e-5
    classes = found.movers_and_suppressors.heads
    assert len(classes["negative_name_mover"]) == graph.n_layers * graph.n_heads - 1
    for name, members in classes.items():
        assert silent not in members, name


def effects(lost: torch.Tensor, **given: Any) -> Any:
    """Of heads that lose this much of a metric of 1, whose corruption takes all of it."""
    from circuit_core.patching.effects import Effects

    clean = torch.ones(lost.shape[-1])
    return Effects(clean - lost, clean, 0 * clean, given.pop("attention", {}), given.pop("before", {}), **given)


@pytest.mark.parametrize(("dtype", "margin"), [("float32", 1e-5), ("bfloat16", 2**-7), ("float16", 2**-10)])
def test_an_effect_counts_by_more_than_rounding(dtype, margin):
    """Of the largest metric 1e-5, or the rounding of one number in half precision; whichever way it goes."""
    from circuit_core.margins import rounding

    lost = torch.tensor([[0, 0.9, -0.9, 1.1, -1.1]])[..., None].expand(1, 5, 4) * margin
    found = effects(lost, rounding=rounding(getattr(torch, dtype))).weighted(torch.ones(1, 4))
    assert found.helps.tolist() == [[[False, False, False, True, False]]]
    assert found.hurts.tolist() == [[[False, False, False, False, True]]]


def test_where_all_effects_are_rounding_there_is_no_percent():
    from circuit_core.patching.stages import NO_EFFECT, stage
    from circuit_core.statistics import Resampling

    noise = NOISE * torch.randn(2, 3, 6, generator=torch.Generator().manual_seed(0))
    draws = Resampling.of(6)
    classes = {"x": torch.ones(len(draws.weights), 2, 3, dtype=torch.bool)}
    none = stage("s", classes, effects(noise), draws)
    assert (none.percent, none.effect, none.reason) == (None, None, NO_EFFECT)
    noise[1, 2] += 0.1
    assert stage("s", classes, effects(noise), draws).percent == pytest.approx(100)


def test_corruption_that_changes_no_more_than_noise_is_the_reason(named):
    """Effects would be shares of noise, of either sign."""
    from circuit_core.circuits.faithfulness import NO_CHANGE, NO_CLEAR_CHANGE

    loaded, prompts = named
    graph = loaded.graph
    corrupted = prompts.clean.clone()
    corrupted[0, 1] = (corrupted[0, 1] + 1) % 90
    for other, reason in ((corrupted, NO_CLEAR_CHANGE), (prompts.clean, NO_CHANGE)):
        found = algorithm((loaded, replace(prompts, corrupted=other)), some_roles(graph))
        assert [stage.reason for stage in found.stages] == [reason] * 3 and found.effect_logits is None


def test_a_copy_score_of_a_tenth_is_not_above_it():
    """3 hits of 30, summed in any order: by single numbers of 1/3 each it comes out a little above."""
    from circuit_core.patching.ioi_algorithm import copies

    hits = torch.zeros(1, 3, 10)
    hits[0, 0, :3] = 1 / 3
    hits[0, 1, 0] = 1
    hits[0, 2, :4] = 1 / 3
    for nearly in (1.0, 1 + 2e-7, 1 - 2e-7):
        assert copies(hits * nearly, torch.ones(1, 10)).tolist() == [[[False, False, True]]]


def test_no_head_of_equal_scores_is_above_their_mean(named):
    graph = named[0].graph
    noise = NOISE * torch.randn(graph.n_layers, graph.n_heads, generator=torch.Generator().manual_seed(1))
    equal = 0.1 + noise
    found = algorithm(named, some_roles(graph, induction=equal, duplicate_token=equal)).induction_and_duplicate
    assert found.percent == 0 and not any(found.heads.values())


@pytest.mark.parametrize("figure", ["metric", "IO", "S1"])
def test_a_change_that_is_rounding_inhibits_nothing(figure):
    """All three must move: here two do, and the third by rounding in the direction that the test asks for."""
    from circuit_core.patching.s_inhibition import inhibits_s

    moved = {"metric": -0.2, "IO": -0.2, "S1": 0.2}
    sizes = {"metric": 1.0, "IO": 1e-3, "S1": 1e-3, "S2": 1e-3}

    def found(moved: dict[str, float]) -> bool:
        after = {who: torch.full((1, 1, 3), size * (1 + moved.get(who, 0))) for who, size in sizes.items()}
        before = {who: torch.full((3,), size) for who, size in sizes.items()}
        lost = before.pop("metric") - after.pop("metric")
        return bool(inhibits_s(effects(lost, attention=after, before=before), torch.ones(1, 3)))

    assert found(moved)
    assert not found(moved | {figure: moved[figure] * 1e-5})
