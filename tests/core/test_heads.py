"""Head roles: the reference's attention scores, patterns that are known, and heads planted by hand (METHODS e)."""

import pytest
import torch

from circuit_core.loaded_model import LoadedModel

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def planted_roles():
    """Role -> values of the planted model."""
    from planted import VOCAB, planted

    from circuit_core import loading
    from circuit_core.heads.attention import attention_roles

    bridge = loading.as_bridge(planted())
    roles = attention_roles(LoadedModel(bridge, loading.graph_of(bridge)), torch.arange(VOCAB), n_ctx=128)
    return {r.role: r for r in roles}


def test_attention_scores_of_the_reference(golden):
    """All three scores of every head on the reference's repeated tokens (S = 20) within 1e-5."""
    from circuit_core.heads.attention import ATTENTION_ROLES, pattern_scores

    patterns = []
    names = [f"blocks.{i}.attn.hook_pattern" for i in range(golden.graph.n_layers)]
    with golden.bridge.hooks(fwd_hooks=[(n, lambda t, hook: patterns.append(t)) for n in names]):
        golden.bridge(torch.from_numpy(golden.arrays["repeated_tokens"]))
    scores = [pattern_scores(p, 20) for p in patterns]
    for role in ATTENTION_ROLES:
        mine = torch.stack([s[role] for s in scores])
        assert torch.allclose(mine, torch.from_numpy(golden.arrays[role]), atol=1e-5)


def test_perfect_and_uniform_patterns():
    """A perfect induction pattern scores 1; uniform causal attention the mean of 1/(q+1)."""
    from circuit_core.heads.attention import pattern_scores

    s = 10
    perfect = torch.zeros(1, 1, 2 * s, 2 * s)
    perfect[..., torch.arange(s - 1, 2 * s), torch.arange(s + 1)] = 1
    assert pattern_scores(perfect, s)["induction"].item() == 1
    uniform = torch.ones(1, 1, 2 * s, 2 * s).tril() / torch.arange(1, 2 * s + 1)[:, None]
    expected = sum(1 / (q + 1) for q in range(s, 2 * s)) / s
    assert pattern_scores(uniform, s)["induction"].item() == pytest.approx(expected)


def test_a_planted_induction_head_is_found(planted_roles):
    value = planted_roles["induction"].value
    assert value[1, 0] > 0.9
    assert value.argmax() == 2


def test_a_fixed_offset_head_is_no_induction_head(planted_roles):
    """It scores where S - 1 is its offset (19 of the four lengths), on tokens that do not repeat just as well."""
    found = planted_roles["induction"]
    assert found.raw[0, 1] > 0.2
    assert found.value[0, 1] < 0.05
    assert found.control[0, 1] == pytest.approx(found.raw[0, 1].item(), abs=0.01)


def test_a_planted_previous_token_head_is_found(planted_roles):
    value = planted_roles["previous_token"].value
    assert value[0, 0] > 0.9
    assert value.argmax() == 0


def test_no_planted_head_attends_to_duplicates(planted_roles):
    assert planted_roles["duplicate_token"].value.max() < 0.1


def test_the_papers_code_takes_one_length_no_control_and_one_more_query():
    """S = 100: the mean of the whole diagonal S - 1 back, whose first entry is the query S - 1 at the first token."""
    from planted import VOCAB, planted

    from circuit_core import loading
    from circuit_core.heads.attention import ATTENTION_ROLES, RANDOM_ROWS, attention_roles

    bridge, kept = loading.as_bridge(planted()), []
    graph, tokens = loading.graph_of(bridge), torch.arange(VOCAB)
    names = [f"blocks.{i}.attn.hook_pattern" for i in range(graph.n_layers)]
    with bridge.hooks(fwd_hooks=[(name, lambda t, hook: kept.append(t.detach())) for name in names]):
        found = {r.role: r for r in attention_roles(LoadedModel(bridge, graph), tokens, 200, preset="paper-code")}
    patterns = torch.stack(kept[: graph.n_layers])
    assert patterns.shape == (2, RANDOM_ROWS, 2, 200, 200)
    for role, back in zip(ATTENTION_ROLES, (99, 100, 1), strict=True):
        mine = patterns.diagonal(-back, -2, -1).mean((1, 3))
        assert torch.allclose(found[role].value, mine, atol=1e-6)
        assert found[role].raw is found[role].control is None
    without = patterns.diagonal(-99, -2, -1)[..., 1:].mean((1, 3))
    assert (found["induction"].value - without).abs().max() > 1e-4


def test_long_contexts_use_long_repeats_and_large_vocabularies_their_middle():
    from circuit_core.heads.attention import drawable

    assert drawable(50304, [0]).tolist() == list(range(100, 20000))
    assert drawable(5, [0, 3]).tolist() == [1, 2, 4]


def test_a_context_that_is_too_short_is_a_reason():
    from planted import VOCAB, planted

    from circuit_core import loading
    from circuit_core.errors import TaskError
    from circuit_core.heads.attention import attention_roles

    bridge = loading.as_bridge(planted())
    for n_ctx, preset in ((20, "default"), (199, "paper-code")):
        with pytest.raises(TaskError, match=f"context of {n_ctx} tokens is too short"):
            attention_roles(LoadedModel(bridge, loading.graph_of(bridge)), torch.arange(VOCAB), n_ctx, preset=preset)
