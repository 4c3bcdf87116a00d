"""Every supported family with every option that changes its function: Hugging Face's logits, whole and by parts, and
autograd's scores."""

import numpy as np
import pytest
import torch
from families import EVERY, FAMILIES, random_model, random_prompts


@pytest.fixture(scope="module", params=EVERY, ids=[f"{family}, {option or 'plain'}" for family, option in EVERY])
def case(request):
    """Hugging Face's logits of the clean prompts, what the logit guard keeps, and the wrapped model."""
    from circuit_core import loading
    from circuit_core.loading import logit_guard

    model, prompts = random_model(*request.param), random_prompts()
    model.set_attn_implementation("eager")
    with torch.no_grad():
        theirs, kept = model(prompts.clean).logits, logit_guard.reference(model)
    bridge = loading.as_bridge(model)
    return theirs, kept, bridge, loading.graph_of(bridge), prompts


def test_logits_are_hugging_faces(case):
    theirs, _, bridge, _, prompts = case
    assert (bridge(prompts.clean) - theirs).abs().max() < 1e-6 * theirs.abs().max()


def test_the_guard_lets_it_pass(case):
    """The wrapped model's logits are Hugging Face's, and so is the full circuit of which every node runs anew."""
    from circuit_core.loading import logit_guard

    _, kept, bridge, graph, _ = case
    logit_guard.check(bridge, graph, kept)


def test_scores_are_those_of_autograd_on_split_inputs(case):
    """EAP, every edge within 1e-5 of the largest: each port has a copy of the stream of its own, before the norm, and
    the gradient there is taken by autograd through TransformerLens's own forward pass (METHODS 0.2)."""
    from circuit_core.attribution.edge_scores import attribute

    _, _, bridge, graph, prompts = case
    found = attribute(bridge, graph, prompts, "eap").scores
    expected = on_split_inputs(bridge, graph, prompts)
    assert np.abs(found - expected).max() < 1e-5 * np.abs(expected).max()
    assert (np.abs(expected[graph.real]) > 0).mean() > 0.9


def on_split_inputs(bridge, graph, prompts) -> np.ndarray:
    """S(u->v) = sum over positions of (z'_u - z_u) . g_v, as the mean over prompts."""
    layers, written, gradients = range(graph.n_layers), [], {}
    names = ["hook_embed", *(f"blocks.{i}.{n}" for i in layers for n in ("attn.hook_z", "hook_mlp_out"))]
    for tokens in (prompts.corrupted, prompts.clean):
        seen = {}
        with (
            torch.no_grad(),
            bridge.hooks(fwd_hooks=[(n, lambda t, hook, s=seen, n=n: s.update({n: t})) for n in names]),
        ):
            bridge(tokens)
        heads = [
            torch.einsum("bphe,hed->hbpd", seen[f"blocks.{i}.attn.hook_z"], bridge.blocks[i].attn.W_O) for i in layers
        ]
        parts = [torch.cat([heads[i], seen[f"blocks.{i}.hook_mlp_out"][None]]) for i in layers]
        written.append(torch.cat([seen["hook_embed"][None], *parts]))
    readers = {f"blocks.{i}.attn.hook_{p}_input": graph.head_ports(i, p) for i in layers for p in "qkv"}
    readers |= {f"blocks.{i}.hook_mlp_in": slice(graph.mlp_port(i), graph.mlp_port(i) + 1) for i in layers}
    readers["ln_final.hook_in"] = slice(graph.logits, graph.logits + 1)
    hooks = [(name, lambda g, hook, n=name: gradients.update({n: g})) for name in readers]
    leaf = ("hook_embed", lambda t, hook: t.detach().requires_grad_(True))
    bridge.set_use_split_qkv_input(True)
    bridge.set_use_hook_mlp_in(True)
    try:
        with bridge.hooks(fwd_hooks=[leaf], bwd_hooks=hooks):
            logits = bridge(prompts.clean)[torch.arange(len(prompts)), prompts.end]
            (-prompts.metric(logits).mean()).backward()
    finally:
        bridge.set_use_split_qkv_input(False)
        bridge.set_use_hook_mlp_in(False)
    scores = torch.zeros(graph.real.shape)
    for name, ports in readers.items():
        gradient = gradients[name] if "_input" in name else gradients[name][:, :, None]
        scores[:, ports] = torch.einsum("sbpd,bphd->sh", written[0] - written[1], gradient)
    return np.where(graph.real, scores.detach().numpy(), 0)


def test_every_family_is_here():
    from circuit_core.models.families import FAMILIES as SUPPORTED

    assert {f"{name}{'LMHeadModel' if name == 'GPT2' else 'ForCausalLM'}" for name in FAMILIES} == {*SUPPORTED.values()}
