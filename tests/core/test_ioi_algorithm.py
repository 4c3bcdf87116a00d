"""The IOI algorithm: its sets and percents follow from effects and scores by definition (METHODS e.6, f.3 to f.7)."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from ioi_stages import algorithm, heads, some_roles

from circuit_core.loaded_model import LoadedModel


@pytest.fixture(scope="module")
def roles(named):
    return some_roles(named[0].graph)


@pytest.fixture(scope="module")
def found(named, roles):
    return algorithm(named, roles)


def test_percents_of_an_example():
    """a -.5, b -.3, c +.1, d -.1: a and b have 80 % of all."""
    from circuit_core.patching.stages import percent

    effects, members = torch.tensor([[-0.5, -0.3, 0.1, -0.1]]), torch.tensor([[True, True, False, False]])
    assert percent(members, effects).item() == pytest.approx(80)
    assert percent(members, 0 * effects).isnan()


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
    assert found.complete


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
    from circuit_core.patching.path_patching import path_patching
    from circuit_core.patching.s_inhibition import SETS, counterfactuals

    movers = [f"a{layer}.h{head}<q>" for layer, head in found.movers_and_suppressors.heads["name_mover"]]
    source = counterfactuals(named[1])["token_same_position_opposite"]
    swapped = path_patching(*named, receivers=movers, positions="end", source=source)
    loss = 1 - swapped.patched.mean(-1) / swapped.metric_clean.mean()
    gain = {who: swapped.attention[who].mean(-1) - swapped.attention_clean[who].mean() for who in ("IO", "S1")}
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

    graph, effect = named[0].graph, found.effect_logits
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
    scored = algorithm(named, replace(roles, copy_suppression=torch.zeros_like(roles.induction), missing={}))
    assert [stage.note for stage in scored.stages] == [None] * 3
    assert [stage.percent for stage in scored.stages] == [stage.percent for stage in found.stages]


def test_s_inhibition_heads_that_suppress_copies_receive_no_values(named, found):
    """With CSPA high for all S-inhibition heads the last stage is undefined, the second as before."""
    cspa = (found.inhibition.value > 0).float()
    suppressed = algorithm(named, some_roles(named[0].graph, copy_suppression=cspa))
    assert suppressed.s_inhibition == found.s_inhibition
    assert set(found.s_inhibition.heads["s_inhibition"]) <= set(suppressed.movers_and_suppressors.heads["name_mover"])
    assert suppressed.induction_and_duplicate.percent is None


def test_the_order_of_heads_means_nothing(named, found):
    """Heads of one layer permuted in the weights: effects and sets are permuted, percents stay."""
    from places import GOLDEN
    from transformers import AutoModelForCausalLM

    from circuit_core import loading

    loaded, prompts = named
    graph = loaded.graph
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
    again = algorithm((LoadedModel(loading.as_bridge(model), graph), prompts), moved)
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
    from circuit_core.heads.name_movers import copy_scores

    loaded, prompts = sample
    copies, negative = (scores.by_prompt for scores in copy_scores(loaded, prompts))
    roles = some_roles(loaded.graph, name_mover=copies, negative_name_mover=negative)
    first = algorithm((loaded, prompts), roles).movers_and_suppressors
    assert first.heads == {"name_mover": [(2, 0)], "negative_name_mover": [(3, 0)]}
    assert 70 < first.low < first.percent < first.high < 85
