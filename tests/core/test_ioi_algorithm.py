"""The IOI algorithm: its sets and percents follow from effects and scores by definition (METHODS e.6, f.3 to f.7)."""

from dataclasses import replace
from typing import Any

import pytest
import torch


@pytest.fixture(scope="module")
def named(parallel):
    """The parallel reference model, its prompts read as if names stood at three places."""
    places = {who: torch.full((len(parallel.prompts),), p) for who, p in {"IO": 1, "S1": 3, "S2": 5}.items()}
    return parallel.bridge, parallel.graph, replace(parallel.prompts, positions=places)


@pytest.fixture(scope="module")
def roles(named):
    return some_roles(named[1])


def some_roles(graph, **given):
    """Scores with which every stage of the named case finds heads."""
    from circuit_core.patching.ioi_algorithm import Roles

    shape = (graph.n_layers, graph.n_heads)
    rising = torch.arange(graph.n_layers * graph.n_heads).view(shape) / 100
    copies = torch.ones(shape)
    scores: dict[str, Any] = {"name_mover": copies, "negative_name_mover": 0 * copies, "without": "there is no text"}
    scores |= {"induction": rising, "duplicate_token": -rising, **given}
    return Roles(**scores)


@pytest.fixture(scope="module")
def found(named, roles):
    return algorithm(named, roles)


def algorithm(case, roles, options=None, circuit=None) -> Any:
    from circuit_core.patching.ioi_algorithm import ioi_algorithm

    return ioi_algorithm(*case, roles=roles, options=options, circuit=circuit)


def heads(mask: torch.Tensor) -> list[tuple[int, int]]:
    return [(layer, head) for layer, head in mask.nonzero().tolist()]


def test_percents_of_an_example():
    """a -.5, b -.3, c +.1, d -.1: a and b have 80 % of all, and 88.9 % of what is negative."""
    from circuit_core.patching.stages import percent

    effects, members = torch.tensor([[-0.5, -0.3, 0.1, -0.1]]), torch.tensor([[True, True, False, False]])
    assert percent(members, effects).item() == pytest.approx(80)
    assert percent(members, effects, negative=True).item() == pytest.approx(88.9, abs=0.05)
    universe = torch.tensor([[True, False, True, False]])
    assert percent(members, effects, universe).item() == pytest.approx(100 * 5 / 6)
    assert percent(members, 0 * effects).isnan()


def test_counterfactuals_of_both_orders():
    """A B .. B and B A .. B, with A = 1, B = 2: only the names move, x and y are neither of the two."""
    from circuit_core.patching.counterfactuals import counterfactuals
    from circuit_core.tasks.metrics import LogitDifference
    from circuit_core.tasks.prompts import PromptSet

    clean = torch.tensor([[9, 1, 2, 8, 2], [9, 2, 1, 8, 2], [9, 3, 4, 8, 4]])
    places = {"IO": torch.tensor([1, 2, 1]), "S1": torch.tensor([2, 1, 2]), "S2": torch.tensor([4, 4, 4])}
    answers = LogitDifference(torch.tensor([1, 1, 3]), torch.tensor([2, 2, 4]))
    prompts = PromptSet("names", clean, clean, torch.full((3,), 4), answers, places)
    sets = counterfactuals(prompts)
    expected = {
        "token_same_position_opposite": [[9, 2, 1, 8, 2], [9, 1, 2, 8, 2]],
        "token_opposite_position_opposite": [[9, 1, 2, 8, 1], [9, 2, 1, 8, 1]],
        "token_opposite_position_same": [[9, 2, 1, 8, 1], [9, 1, 2, 8, 1]],
    }
    for name, tokens in expected.items():
        assert sets[name][:2].tolist() == tokens
    for name, same in (("token_different_position_same", "S1"), ("token_different_position_opposite", "IO")):
        first, s1, s2 = (sets[name][torch.arange(3), places[p]] for p in ("IO", "S1", "S2"))
        assert torch.equal(s2, s1 if same == "S1" else first)
        for row in range(3):
            others = {1, 2, 3, 4} - set(clean[row].tolist())
            assert {first[row].item(), s1[row].item()} == others
    assert set(counterfactuals(prompts[:2])) == set(expected)


def test_prompts_without_names_are_refused(parallel, roles):
    from circuit_core.errors import TaskError

    with pytest.raises(TaskError, match="lacks the position of IO"):
        algorithm((parallel.bridge, parallel.graph, parallel.prompts), roles)


def test_the_corrupted_prompts_of_the_task_are_one_of_the_sets(sample):
    from circuit_core.patching.counterfactuals import counterfactuals

    _, prompts = sample
    assert torch.equal(counterfactuals(prompts)["token_opposite_position_opposite"], prompts.corrupted)


def test_stages_follow_from_the_effects(named, roles, found):
    """Sets and percents, recomputed from the effects and scores alone."""
    first, second, third = found.stages
    assert first.heads["name_mover"] == heads(found.effect_logits < 0)
    assert second.heads["s_inhibition"] == heads(found.inhibition.value > 0)
    on_v = found.effect_inhibition_v
    for role in ("induction", "duplicate_token"):
        score = getattr(roles, role)
        assert third.heads[role] == heads((on_v < -0.001) & (score > score.mean()))
    effects = (found.effect_logits, found.effect_movers_q, found.effect_inhibition_v)
    for stage, effect in zip(found.stages, effects, strict=True):
        members = {head for some in stage.heads.values() for head in some}
        assert stage.percent == pytest.approx(
            100 * sum(abs(effect[h].item()) for h in members) / effect.abs().sum().item(), rel=1e-5
        )
        assert stage.effect == pytest.approx(sum(effect[h].item() for h in members), rel=1e-5)
    assert all(any(stage.heads.values()) for stage in found.stages)
    assert found.post_emergence


def test_effects_are_those_of_path_patching(named, found):
    """Into the queries of the movers jointly, then into the values of the S-inhibition heads."""
    from circuit_core.patching.path_patching import path_patching

    for port, effect, of in (
        ("q", found.effect_movers_q, found.movers_and_suppressors.heads["name_mover"]),
        ("v", found.effect_inhibition_v, found.s_inhibition.heads["s_inhibition"]),
    ):
        to = [f"a{layer}.h{head}<{port}>" for layer, head in of]
        assert torch.allclose(path_patching(*named, receivers=to).effect, effect, atol=1e-6)


def test_s_inhibition_is_the_change_of_an_intervention(named, found):
    """Each candidate at END, from swapped first mentions: the logit difference falls, IO loses attention, S1 gains."""
    from circuit_core.patching.counterfactuals import SETS, counterfactuals
    from circuit_core.patching.path_patching import path_patching

    movers = [f"a{layer}.h{head}<q>" for layer, head in found.movers_and_suppressors.heads["name_mover"]]
    source = counterfactuals(named[2])["token_same_position_opposite"]
    swapped = path_patching(*named, receivers=movers, positions="end", source=source)
    loss = 1 - swapped.patched.mean(-1) / swapped.metric_clean.mean()
    gain = {who: swapped.attention[who] - swapped.attention_clean[who] for who in ("IO", "S1")}
    candidates = found.effect_movers_q < -0.001
    passes = candidates & (loss > 0) & (gain["IO"] < 0) & (gain["S1"] > 0)
    assert torch.allclose(found.inhibition.value, loss * passes, atol=1e-6)
    assert 0 < passes.sum() < candidates.sum()
    rows = {(c.layer, c.head, c.counterfactual) for c in found.inhibition.changes}
    assert rows == {(*head, name) for head in heads(candidates) for name in SETS}


def test_intervals_hold_the_value_and_are_the_same_again(named, roles, found):
    for stage, again in zip(found.stages, algorithm(named, roles).stages, strict=True):
        assert stage == again
        assert stage.low <= stage.percent <= stage.high
    assert found.s_inhibition.low < found.s_inhibition.high


def test_copy_suppression_has_two_signs_and_the_papers_code_one(named, found):
    """CSPA everywhere: heads that help and heads that hurt; the preset drops early layers and weak effects."""
    from circuit_core.patching.ioi_algorithm import PAPER_CODE

    graph, effect = named[1], found.effect_logits
    none = torch.zeros(graph.n_layers, graph.n_heads)
    cspa = none + 0.5
    cspa[2, 0] = torch.nan
    roles = some_roles(graph, name_mover=none, copy_suppression=cspa)
    default, paper = (algorithm(named, roles, o).movers_and_suppressors.heads for o in (None, PAPER_CODE))
    assert default["copy_suppression"] == heads((cspa > 0.1) & (effect < 0))
    assert default["negative_copy_suppression"] == heads((cspa > 0.1) & (effect > 0))
    assert paper["copy_suppression"] == [h for h in heads((cspa > 0.1) & (effect < -0.01)) if h[0] >= 2]
    assert paper["negative_copy_suppression"] == []
    assert "copy_suppression" not in found.movers_and_suppressors.heads


def test_a_stage_says_if_it_was_measured_without_copy_suppression(named, roles, found):
    """The first lacks two classes and the last excludes nobody; the second does not ask for it."""
    said = "copy suppression is not counted: there is no text"
    assert [stage.note for stage in found.stages] == [said, None, said]
    assert all(stage.percent is not None for stage in found.stages)
    scored = algorithm(named, replace(roles, copy_suppression=torch.zeros_like(roles.name_mover), without=None))
    assert [stage.note for stage in scored.stages] == [None] * 3
    assert [stage.percent for stage in scored.stages] == [stage.percent for stage in found.stages]


def test_corruption_that_changes_nothing_is_the_reason(named, roles):
    bridge, graph, prompts = named
    same = algorithm((bridge, graph, replace(prompts, corrupted=prompts.clean)), roles)
    assert [stage.reason for stage in same.stages] == ["corruption changes nothing"] * 3
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


def test_s_inhibition_heads_that_suppress_copies_receive_no_values(named, found):
    """With CSPA high for all S-inhibition heads the last stage is undefined, the second as before."""
    cspa = found.inhibition.heads.float()
    suppressed = algorithm(named, some_roles(named[1], copy_suppression=cspa))
    assert suppressed.s_inhibition == found.s_inhibition
    assert set(found.s_inhibition.heads["s_inhibition"]) <= set(suppressed.movers_and_suppressors.heads["name_mover"])
    assert suppressed.induction_and_duplicate.percent is None


def test_a_circuit_can_be_the_universe(named, roles, found):
    """Only its heads count, on both sides; a circuit of all heads is the default."""
    graph, effect = named[1], found.effect_movers_q.abs()
    every = [(layer, head) for layer in range(graph.n_layers) for head in range(graph.n_heads)]
    assert algorithm(named, roles, circuit=every).stages == found.stages
    inside = [(0, 1), found.s_inhibition.heads["s_inhibition"][0]]
    some = algorithm(named, roles, circuit=inside)
    assert some.universe == "circuit"
    share = effect[inside[1]] / sum(effect[h] for h in inside)
    assert some.s_inhibition.percent == pytest.approx(100 * share.item(), rel=1e-5)


def test_without_movers_later_stages_are_undefined(named):
    graph = named[1]
    none = torch.zeros(graph.n_layers, graph.n_heads)
    empty = algorithm(named, some_roles(graph, name_mover=none))
    assert empty.movers_and_suppressors.percent == 0
    assert [stage.percent for stage in empty.stages[1:]] == [None, None]
    assert "no name mover" in empty.s_inhibition.reason
    assert not empty.post_emergence
    none[0] = 1
    assert algorithm(named, some_roles(graph, name_mover=none)).effect_movers_q is None


def test_an_effect_that_is_undefined_makes_no_head_a_mover(named):
    """Equal prompts: nothing is damaged, the effects are NaN, and no head counts as one that hurts."""
    bridge, graph, prompts = named
    every = torch.ones(graph.n_layers, graph.n_heads)
    equal = replace(prompts, corrupted=prompts.clean)
    none = algorithm((bridge, graph, equal), some_roles(graph, negative_name_mover=every))
    assert none.effect_logits.isnan().all()
    assert not none.movers_and_suppressors.heads.get("negative_name_mover") and none.movers_and_suppressors.reason


def test_a_model_that_fails_has_no_percents(named, roles):
    from circuit_core.tasks.metrics import LogitDifference

    bridge, graph, prompts = named
    swapped = replace(prompts, metric=LogitDifference(prompts.metric.wrong, prompts.metric.correct))
    failed = algorithm((bridge, graph, swapped), roles)
    assert [stage.reason for stage in failed.stages] == ["does not do the task"] * 3
    assert failed.effect_logits is None


def test_the_order_of_heads_means_nothing(named, found):
    """Heads of one layer permuted in the weights: effects and sets are permuted, percents stay."""
    from places import GOLDEN
    from transformers import AutoModelForCausalLM

    from circuit_core import loading

    _, graph, prompts = named
    order, layer = torch.tensor([2, 0, 3, 1]), 1
    model: Any = AutoModelForCausalLM.from_pretrained(GOLDEN / "neox_parallel" / "model")
    attention = model.gpt_neox.layers[layer].attention
    with torch.no_grad():
        for p in (attention.query_key_value.weight, attention.query_key_value.bias):
            p.copy_(p.unflatten(0, (graph.n_heads, -1))[order].flatten(0, 1))
        out = attention.dense.weight
        out.copy_(out.unflatten(1, (graph.n_heads, -1))[:, order].flatten(1))
    original = some_roles(graph)
    scores: dict[str, Any] = {n: permuted(v, layer, order) for n, v in vars(original).items() if torch.is_tensor(v)}
    moved = replace(original, **scores)
    again = algorithm((loading.as_bridge(model), graph, prompts), moved)
    for name in ("effect_logits", "effect_movers_q", "effect_inhibition_v"):
        assert torch.allclose(getattr(again, name), permuted(getattr(found, name), layer, order), atol=1e-5)
    assert torch.allclose(again.inhibition.value, permuted(found.inhibition.value, layer, order), atol=1e-5)
    assert not torch.allclose(again.inhibition.value, found.inhibition.value, atol=1e-5)
    for before, after in zip(found.stages, again.stages, strict=True):
        assert after.percent == pytest.approx(before.percent, abs=1e-3)
        for role, members in before.heads.items():
            mask = torch.zeros(graph.n_layers, graph.n_heads)
            for head in members:
                mask[head] = 1
            assert after.heads[role] == heads(permuted(mask, layer, order))


def permuted(values: torch.Tensor, layer: int, order: torch.Tensor) -> torch.Tensor:
    values = values.clone()
    values[layer] = values[layer, order]
    return values


def test_the_sample_model(sample):
    """What moves names in the sample: a2.h0 copies and a3.h0 negatively, together most of the direct effect."""
    from circuit_core.heads.copying import copy_scores

    loaded, prompts = sample
    copies, negative = (scores.value for scores in copy_scores(loaded.bridge, loaded.graph, prompts))
    roles = some_roles(loaded.graph, name_mover=copies, negative_name_mover=negative)
    first = algorithm((loaded.bridge, loaded.graph, prompts), roles).movers_and_suppressors
    assert first.heads == {"name_mover": [(2, 0)], "negative_name_mover": [(3, 0)]}
    assert 70 < first.low < first.percent < first.high < 85
