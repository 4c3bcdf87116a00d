"""Every supported family with every option that changes its function: Hugging Face's logits, whole and by parts, a
stream that adds up, autograd's scores, and circuits that are what they say."""

import numpy as np
import pytest
import torch
from by_hooks import by_hooks
from families import EVERY, FAMILIES, random_model, random_prompts

from circuit_core.loaded_model import LoadedModel


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
    logit_guard.check(LoadedModel(bridge, graph), kept)


def test_the_stream_is_the_sum_of_what_is_written(case):
    """Embedding, heads, MLPs and the biases of attention (and positions, in GPT-2) are what the final norm reads."""
    from circuit_core.forward.residual_stream import Recorder, Weights, by_head

    _, _, bridge, graph, prompts = case
    seen, read = Recorder(graph.n_layers), []
    with torch.no_grad(), bridge.hooks(fwd_hooks=[*seen.hooks, ("ln_final.hook_in", lambda t, hook: read.append(t))]):
        bridge(prompts.clean)
    total = seen.writes.embed.clone()
    if "pos_embed" in bridge.hook_dict or hasattr(bridge, "pos_embed"):
        total += bridge.W_pos[: total.shape[1]]
    for i in range(graph.n_layers):
        bias = getattr(bridge.blocks[i].attn, "b_O", None)
        total += (
            by_head(seen.writes.z[i], Weights(bridge, i)).sum(0) + seen.writes.mlp[i] + (0 if bias is None else bias)
        )
    assert (total - read[0]).abs().max() < 1e-5 * read[0].abs().max()


def test_scores_are_those_of_autograd_on_split_inputs(case):
    """EAP-IG, every edge within 1e-5 of the largest: each port has a copy of the stream of its own, before the norm,
    and the gradient there is taken by autograd through TransformerLens's own forward pass (METHODS 0.2)."""
    from circuit_core.attribution.edge_scores import attribute

    _, _, bridge, graph, prompts = case
    found = attribute(LoadedModel(bridge, graph), prompts, "eap-ig", ig_steps=2).scores
    expected = on_split_inputs(bridge, graph, prompts, (0.5, 1.0))
    assert np.abs(found - expected).max() < 1e-5 * np.abs(expected).max()
    assert (np.abs(expected[graph.real]) > 0).mean() > 0.9


@pytest.fixture(scope="module")
def run(case):
    from circuit_core.interchange.evaluation import Interchange

    _, _, bridge, graph, prompts = case
    return Interchange(LoadedModel(bridge, graph), prompts)


def test_the_full_circuit_is_the_model_and_the_empty_one_the_corrupted_run(case, run):
    theirs, _, bridge, graph, prompts = case
    rows, end = torch.arange(len(prompts)), prompts.end
    full, empty = run.metrics(np.stack([graph.real, np.zeros_like(graph.real)]))
    assert torch.allclose(full, prompts.metric(theirs[rows, end]), atol=1e-5)
    assert torch.allclose(empty, prompts.metric(bridge(prompts.corrupted)[rows, end]), atol=1e-5)


@pytest.mark.long
def test_exact_scores_are_those_of_the_whole_model_without_one_edge(case, run):
    """Every seventh edge, corrupted alone by hooks on a run of the whole model."""
    from circuit_core.attribution.edge_scores import attribute

    _, _, bridge, graph, prompts = case
    found = attribute(LoadedModel(bridge, graph), prompts, "exact").scores
    for edge in list(zip(*np.nonzero(graph.real), strict=True))[::7]:
        mask = graph.real.copy()
        mask[edge] = False
        assert found[edge] == pytest.approx((run.clean - by_hooks(run, mask)).mean().item(), abs=1e-5)


def on_split_inputs(bridge, graph, prompts, at) -> np.ndarray:
    """S(u->v) = sum over positions of (z'_u - z_u) . g_v, as the mean over prompts; g_v as the mean over the points
    `at` on the way from the corrupted to the clean embedding."""
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
    hooks = [(name, lambda g, hook, n=name: gradients.update({n: gradients.get(n, 0) + g})) for name in readers]
    change = written[1][0] - written[0][0]
    bridge.set_use_split_qkv_input(True)
    bridge.set_use_hook_mlp_in(True)
    try:
        for share in at:
            leaf = ("hook_embed", lambda t, hook, a=share: (written[0][0] + a * change).requires_grad_(True))
            with bridge.hooks(fwd_hooks=[leaf], bwd_hooks=hooks):
                logits = bridge(prompts.clean)[torch.arange(len(prompts)), prompts.end]
                (-prompts.metric(logits).mean() / len(at)).backward()
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
