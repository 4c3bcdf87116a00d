"""CSPA: the vectorised score on raw weights against its definition in loops on folded ones (METHODS e.5)."""

from math import ceil

import pytest
import torch
from places import GOLDEN

from circuit_core.loaded_model import LoadedModel

WORDS = [3, 5]
"""Tokens that stand for function words."""


def draw(vocab: int):
    """Rows long enough that two tokens are kept at their end, with repeats; and rows for the mean."""
    generator = torch.Generator().manual_seed(0)
    pool = torch.randint(vocab, (14,), generator=generator)
    pool[:2] = torch.tensor(WORDS)
    tokens = pool[torch.randint(14, (2, 24), generator=generator)]
    return tokens, torch.randint(vocab, (5, 24), generator=generator)


def llama():
    """A tiny model without centring, its gains away from one."""
    from transformers import LlamaConfig, LlamaForCausalLM

    from circuit_core import loading

    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(vocab_size=50, hidden_size=24, intermediate_size=32, num_hidden_layers=2, num_attention_heads=3)
    )
    for p in model.parameters():
        torch.nn.init.normal_(p, mean=0.0 if p.dim() > 1 else 0.5, std=0.3)
    return loading.as_bridge(model)


def reference(name: str):
    from circuit_core import loading

    return loading.load(GOLDEN / name / "model").bridge


def cache(bridge, tokens) -> dict[str, torch.Tensor]:
    kept: dict[str, torch.Tensor] = {}
    ends = ("attn.hook_z", "attn.hook_v", "attn.hook_pattern", "ln1.hook_in")
    names = ["ln_final.hook_in", *(f"blocks.{i}.{end}" for i in range(bridge.cfg.n_layers) for end in ends)]
    with bridge.hooks(fwd_hooks=[(n, lambda t, hook, n=n: kept.update({n: t.double()})) for n in names]):
        kept["logits"] = bridge(tokens).double()
    return kept


def divergence(logits, other):
    p, q = logits.log_softmax(-1), other.log_softmax(-1)
    return (p.exp() * (p - q)).sum(-1).mean()


def kept_sources(lens: torch.Tensor, tokens: list[int], d: int) -> list[int]:
    """Sources whose token is among the most predicted ones at `d`."""
    sources = [s for s in range(d + 1) if tokens[s] not in WORDS]
    best = sorted({tokens[s]: lens[s].item() for s in sources}.items(), key=lambda kv: -kv[1])
    chosen = [t for t, _ in best[: ceil((d + 1) / 20)]]
    return [s for s in sources if tokens[s] in chosen]


def by_definition(bridge, tokens, run, mean_run, layer: int, head: int) -> float:
    """CSPA of one head of a folded model, position by position."""
    name = f"blocks.{layer}.attn"
    w_u, w_o = bridge.W_U.double(), bridge.blocks[layer].attn.W_O[head].double()
    mean = mean_run[f"{name}.hook_z"][:, :, head].mean(0) @ w_o
    own = run[f"{name}.hook_z"][:, :, head] @ w_o
    final = run["ln_final.hook_in"]
    centred = final if bridge.cfg.uses_rms_norm else final - final.mean(-1, keepdim=True)
    scale = (centred.pow(2).mean(-1, keepdim=True) + bridge.cfg.eps).sqrt()
    suppressing = torch.zeros_like(own)
    for n, row in enumerate(tokens.tolist()):
        for d in range(len(row)):
            lens = run[f"blocks.{layer}.ln1.hook_in"][n, d] / scale[n, d] @ w_u[:, row]
            suppressing[n, d] = mean[d]
            for s in kept_sources(lens, row, d):
                unit = w_u[:, row[s]] / w_u[:, row[s]].norm()
                written = run[f"{name}.hook_v"][n, s, head] @ w_o
                added = run[f"{name}.hook_pattern"][n, head, d, s] * (written - mean[d])
                suppressing[n, d] += min((added @ unit).item(), 0) * unit
    left, most = (run["logits"] + (new - own) / scale @ w_u for new in (suppressing, mean))
    return 1 - (divergence(run["logits"], left) / divergence(run["logits"], most)).item()


@pytest.mark.parametrize("name", ["neox_parallel", "neox_sequential", "gpt2_sequential", "llama"])
def test_scores_are_those_of_the_definition(name):
    """All heads from layer 1 on; norms with and without centring; folding changes nothing but the road."""
    from circuit_core import loading
    from circuit_core.heads.copy_suppression import copy_suppression

    raw, folded = (llama() if name == "llama" else reference(name) for _ in range(2))
    folded.enable_compatibility_mode()
    graph, (tokens, mean_tokens) = loading.graph_of(raw), draw(raw.cfg.d_vocab)
    found = copy_suppression(LoadedModel(raw, graph), tokens, mean_tokens, torch.tensor(WORDS)).value
    assert found[0].isnan().all()
    with torch.no_grad():
        run, mean_run = cache(folded, tokens), cache(folded, mean_tokens)
        for layer in range(1, graph.n_layers):
            for head in range(graph.n_heads):
                expected = by_definition(folded, tokens, run, mean_run, layer, head)
                assert found[layer, head].item() == pytest.approx(expected, abs=1e-5)


def test_the_published_limits_leave_out_layer_1():
    from circuit_core import loading
    from circuit_core.heads.copy_suppression import copy_suppression

    bridge = reference("neox_parallel")
    arguments = (LoadedModel(bridge, loading.graph_of(bridge)), *draw(97), torch.tensor(WORDS))
    default, paper = (copy_suppression(*arguments, preset).value for preset in ("default", "paper-code"))
    assert paper[:2].isnan().all() and default[1].isfinite().all()
    assert torch.equal(paper[2], default[2])


def test_a_few_heads_at_a_time_give_the_same_scores(monkeypatch):
    from circuit_core import loading
    from circuit_core.heads import copy_suppression, unembedding

    bridge = reference("neox_parallel")
    arguments = (LoadedModel(bridge, loading.graph_of(bridge)), *draw(97), torch.tensor(WORDS))
    at_once = copy_suppression.copy_suppression(*arguments).value
    monkeypatch.setattr(copy_suppression, "head_chunks", lambda n, each: unembedding.head_chunks(n, each, each * 3))
    assert torch.allclose(copy_suppression.copy_suppression(*arguments).value, at_once, atol=1e-5, equal_nan=True)


def test_only_content_words_that_have_occurred_are_kept():
    """The best token with all its occurrences so far; never a function word, even where nothing else stands."""
    from circuit_core.heads.copy_suppression import kept

    tokens = torch.tensor([[3, 7, 8, 7, 9]])
    lens = torch.tensor([[9.0, 2.0, 1.0, 2.0, 5.0]]).expand(5, -1)[None]
    expected = [[], [1], [1], [1, 3], [4]]
    found = kept(lens, tokens, tokens != 3)
    assert [row.nonzero()[:, 0].tolist() for row in found[0]] == expected


def test_all_occurrences_of_a_token_are_kept_whatever_rounding_makes_of_them():
    """Logits of 200 that are equal but for the last bits of float32, as products in another order give them."""
    from circuit_core.heads.copy_suppression import kept

    tokens, rounded = torch.tensor([[7, 8, 7, 7]]), torch.tensor([200.0, 1.0, 200 - 2e-5, 200 + 2e-5])
    assert len(rounded.unique()) == 4
    found = kept(rounded.expand(4, -1)[None], tokens, tokens > 0)
    assert [row.nonzero()[:, 0].tolist() for row in found[0]] == [[0], [0], [0, 2], [0, 2, 3]]
