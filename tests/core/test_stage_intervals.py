"""Intervals of the stages: in each draw of the prompts everything is chosen anew that METHODS l.6 says, and no more."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from ioi_stages import algorithm, heads, some_roles


@pytest.fixture(scope="module")
def roles(named):
    """Copy scores that differ from prompt to prompt: a head copies about one name in ten."""
    loaded, prompts = named
    graph = loaded.graph
    shape = (graph.n_layers, graph.n_heads, len(prompts))
    copies = torch.rand(shape, generator=torch.Generator().manual_seed(3)) < 0.15
    negative = torch.rand(shape, generator=torch.Generator().manual_seed(4)) < 0.15
    return some_roles(graph, name_mover=copies / 1.0, negative_name_mover=negative / 1.0)


@pytest.fixture(scope="module")
def direct(named):
    from circuit_core.patching.path_patching import path_patching

    return path_patching(*named, receivers="logits")


def draws_of(prompts: Any, strata: Any = None) -> Any:
    from circuit_core.statistics import Resampling

    return Resampling.of(len(prompts), strata or ())


def by_draw(direct: Any, roles: Any, weights: torch.Tensor) -> list[tuple[dict, set]]:
    """The effect of each head and the heads of the stage in each draw, head by head."""
    lost, hits, negative = (
        {at: of[at].tolist() for at in heads(torch.ones(of.shape[:2]))}
        for of in (direct.patched - direct.metric_clean, roles.name_mover, roles.negative_name_mover)
    )
    damage, found = (direct.metric_clean - direct.metric_corrupted).tolist(), []
    for weight in weights.tolist():

        def total(values: list[float], weight: list[float] = weight) -> float:
            return sum(v * w for v, w in zip(values, weight, strict=True))

        effect = {at: total(values) / total(damage) for at, values in lost.items()}
        limit = (0.1 + 1e-6) * sum(weight)
        movers = {at for at in lost if total(hits[at]) > limit and effect[at] < 0}
        found.append((effect, movers | {at for at in lost if total(negative[at]) > limit}))
    return found


def percents(found: list[tuple[dict, set]], members: set) -> torch.Tensor:
    return torch.tensor([100 * sum(abs(e[at]) for at in members) / sum(map(abs, e.values())) for e, _ in found])


@pytest.mark.parametrize("strata", [None, "of two"])
def test_heads_are_chosen_anew_in_each_draw(named, roles, direct, strata):
    """The slow road: heads that come and go are out at the low end and in at the high one. Strata, where prompts have
    them, are those of the draws."""
    loaded, prompts = named
    if strata:
        strata = tuple(i % 2 for i in range(len(prompts)))
        prompts = replace(prompts, strata=strata)
    draws = draws_of(prompts, strata)
    stage = algorithm((loaded, prompts), roles).movers_and_suppressors
    found = by_draw(direct, roles, draws.weights)
    members = found[0][1]
    share = {at: sum(at in some for _, some in found[1:1001]) / 1000 for at in found[0][0]}
    uncertain = {at for at, part in share.items() if 0.025 < part < 0.975}
    assert members & uncertain and uncertain - members
    low, _ = draws.interval(percents(found, members - uncertain))
    _, high = draws.interval(percents(found, members | uncertain))
    assert (stage.low, stage.high) == pytest.approx((low, high), rel=1e-4)


@pytest.mark.long
def test_s_inhibition_in_a_draw_is_that_of_the_prompts_drawn(named):
    """Candidates and test alike: the prompts of a draw, as often as they are drawn, patched by themselves."""
    from circuit_core.patching.path_patching import PathPatching
    from circuit_core.patching.s_inhibition import s_inhibition

    loaded, prompts = named
    graph = loaded.graph
    movers = heads(torch.ones(graph.n_layers, graph.n_heads))
    ports = [f"a{layer}.h{head}<q>" for layer, head in movers]

    def found(of: Any, weights: torch.Tensor) -> torch.Tensor:
        patching = PathPatching(loaded, of)
        return s_inhibition(patching, movers, patching(ports), weights).heads

    weights = draws_of(prompts).weights[:6]
    together = found(prompts, weights)
    for drawn, weight in zip(together, weights, strict=True):
        rows = [i for i, times in enumerate(weight.int().tolist()) for _ in range(times)]
        assert torch.equal(drawn, found(prompts[rows], torch.ones(1, len(rows)))[0])
    assert any(not torch.equal(drawn, together[0]) for drawn in together)


def test_the_last_stage_is_chosen_anew_by_its_effects(named):
    """Of a head whose effect is below -.001 in some draws only, the interval knows that there may be none."""
    from circuit_core.patching.effects import Effects
    from circuit_core.patching.ioi_algorithm import induction_and_duplicate
    from circuit_core.patching.stages import stage

    lost, clean, rising = torch.zeros(3, 4, 10), torch.ones(10), torch.arange(12.0).view(3, 4)
    lost[0, 0], lost[2, 3, 0] = 0.002, 0.013
    values, draws = Effects(clean - lost, clean, 0 * clean, {}, {}), draws_of(clean)
    classes = induction_and_duplicate(
        values, some_roles(named[0].graph, induction=rising, duplicate_token=rising), draws.weights
    )
    third = stage("s", classes, values, draws)
    assert third.heads["induction"] == [(2, 3)] and third.percent == pytest.approx(100 * 1.3 / 3.3, rel=1e-4)
    assert third.low == 0 and (third.high or 0) > 40


def test_random_sets_have_as_many_heads_of_each_layer():
    """Their mean percent is what the layers' mean effects say; of all heads of a layer there is but one set."""
    from circuit_core.patching.effects import Effects
    from circuit_core.patching.stages import RANDOM_SETS, percent, random_sets, stage

    members = torch.zeros(3, 8, dtype=torch.bool)
    members[0, :2], members[2] = True, True
    sets = random_sets(members)
    assert len(sets) == RANDOM_SETS == 100 and torch.equal(sets, random_sets(members))
    assert torch.equal(sets.sum(-1), members.sum(-1).expand(RANDOM_SETS, -1))
    assert sets[:, 0].float().mean(0) == pytest.approx(torch.full((8,), 0.25), abs=0.2)
    size = torch.rand(3, 8, generator=torch.Generator().manual_seed(0))
    expected = 100 * (2 * size[0].mean() + size[2].sum()) / size.sum()
    assert percent(sets, size).mean().item() == pytest.approx(expected.item(), rel=0.03)
    clean = torch.ones(5)
    effects = Effects((1 - size)[..., None].expand(3, 8, 5), clean, 0 * clean, {}, {})
    draws = draws_of(clean)
    found = stage("s", {"x": members.expand(len(draws.weights), 3, 8)}, effects, draws)
    assert found.percent_random == pytest.approx(percent(sets, size).mean().item(), rel=1e-5)
    assert found.effect == pytest.approx(-size[members].sum().item(), rel=1e-5)
    assert found.low == pytest.approx(found.percent) and found.high == pytest.approx(found.percent)
