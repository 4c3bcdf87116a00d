"""Copy scores against their definition, one name and one head at a time (METHODS e.3)."""

from dataclasses import replace

import pytest
import torch
from places import GOLDEN


def with_names(golden):
    n = len(golden.prompts)
    return replace(golden.prompts, positions={w: torch.full((n,), p) for w, p in {"IO": 1, "S1": 2, "S2": 4}.items()})


def residual_after_block_0(bridge, tokens):
    kept = []
    with bridge.hooks(fwd_hooks=[("blocks.0.hook_resid_post", lambda t, hook: kept.append(t))]):
        bridge(tokens)
    return kept[0]


def hits(logits: torch.Tensor, name: torch.Tensor) -> bool:
    return name.item() in logits.topk(5).indices.tolist()


def test_scores_by_the_models_own_norms(golden):
    """x through the head's own layer norm, o and -o through the final one."""
    from circuit_core.heads.name_movers import copy_scores

    prompts, bridge = with_names(golden), golden.bridge
    stream, found = residual_after_block_0(bridge, prompts.clean), copy_scores(golden.loaded, prompts)
    for layer in range(golden.graph.n_layers):
        attention, norm = bridge.blocks[layer].attn, bridge.blocks[layer].ln1
        for head in range(golden.graph.n_heads):
            expected = [0.0, 0.0]
            for place in prompts.positions.values():
                for row, p in enumerate(place.tolist()):
                    value = norm(stream[row : row + 1, p : p + 1])[0, 0] @ attention.W_V[head] + attention.b_V[head]
                    out = value @ attention.W_O[head]
                    for i, signed in enumerate((out, -out)):
                        logits = bridge.ln_final(signed[None, None])[0, 0] @ bridge.W_U + bridge.b_U
                        expected[i] += hits(logits, prompts.clean[row, p]) / (3 * len(prompts))
            assert [s.value[layer, head].item() for s in found] == pytest.approx(expected)


def test_the_papers_code_reads_folded_weights_without_norms(golden):
    """Folded and centred weights; neither x nor o is normalised, the folded biases stay."""
    from circuit_core import loading
    from circuit_core.heads.name_movers import copy_scores

    prompts = with_names(golden)
    found = copy_scores(golden.loaded, prompts, "paper-code")
    folded = loading.load(GOLDEN / prompts.name / "model").bridge
    folded.enable_compatibility_mode()
    stream = residual_after_block_0(folded, prompts.clean)
    for layer in range(golden.graph.n_layers):
        attention = folded.blocks[layer].attn
        bias = folded_value_bias(golden.bridge, layer)
        for head in range(golden.graph.n_heads):
            names = [(r, p) for place in prompts.positions.values() for r, p in enumerate(place.tolist())]
            out = [(stream[r, p] @ attention.W_V[head] + bias[head]) @ attention.W_O[head] for r, p in names]
            for scores, sign in zip(found, (1, -1), strict=True):
                logits = [sign * o @ folded.W_U + folded.b_U for o in out]
                right = [hits(row, prompts.clean[r, p]) for row, (r, p) in zip(logits, names, strict=True)]
                assert scores.value[layer, head].item() == pytest.approx(sum(right) / len(right))


def folded_value_bias(bridge, layer: int):
    """b_V with the norm's shift folded in; folding moves it to b_O, since attention sums to one."""
    attention = bridge.blocks[layer].attn
    return attention.b_V + torch.einsum("d,hde->he", bridge.blocks[layer].ln1.bias, attention.W_V)


def test_prompts_without_names_are_a_reason(golden):
    from circuit_core.errors import TaskError
    from circuit_core.heads.name_movers import copy_scores

    with pytest.raises(TaskError, match="positions of IO, S1, S2"):
        copy_scores(golden.loaded, golden.prompts)


def test_what_is_not_finite_has_no_score(fresh_parallel):
    from circuit_core.heads.name_movers import copy_scores

    fresh_parallel.bridge.blocks[0].attn.W_O.data[:] = torch.nan
    scores, _ = copy_scores(fresh_parallel.loaded, with_names(fresh_parallel))
    assert scores.value.isnan().all()
