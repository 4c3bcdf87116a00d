"""A source's own score by a second road: its edges' scores add up to D_u . dL/dz_u, with the gradient taken directly at
what the source writes (METHODS b.5, b.10)."""

import numpy as np
import pytest
import torch

POINTS = {"eap": [1.0], "clean-corrupted": [0.0, 1.0], "eap-ig": [0.2, 0.4, 0.6, 0.8, 1.0]}
"""Where between the corrupted and the clean embeddings each method takes its gradients, by default."""


@pytest.mark.parametrize("method", POINTS)
def test_a_sources_edges_add_up_to_its_own_score(golden, method):
    """Every source: the input, each head, each MLP."""
    from circuit_core.attribution.edge_scores import attribute

    found = attribute(golden.loaded, golden.prompts, method)
    expected = by_source(golden, POINTS[method])
    for mine in (found.nodes, found.scores.sum(1)):
        assert np.abs(mine - expected).max() < 1e-5 * np.abs(expected).max()


def by_source(of, points: list[float]) -> np.ndarray:
    """[src]: sum over positions of (corrupted - clean) . gradient, averaged over prompts and points."""
    graph, prompts = of.graph, of.prompts
    clean, corrupted = (written(of, tokens) for tokens in (prompts.clean, prompts.corrupted))
    total = np.zeros(graph.n_sources)
    for point in points:
        gradient = gradients(of, torch.lerp(corrupted["hook_embed"], clean["hook_embed"], point))
        parts = {name: (corrupted[name] - clean[name]) * gradient[name] for name in gradient}
        total[0] += parts["hook_embed"].sum().item()
        for i in range(graph.n_layers):
            heads = parts[f"blocks.{i}.attn.hook_z"].sum((0, 1, 3))
            total[graph.head(i, 0) : graph.mlp(i)] += heads.numpy()
            total[graph.mlp(i)] += parts[f"blocks.{i}.hook_mlp_out"].sum().item()
    return total / len(points) / len(prompts)


def outputs(graph) -> list[str]:
    """Where the sources write; a head's z stands for what it writes, which is z times a constant matrix."""
    return [
        "hook_embed",
        *(f"blocks.{i}.{hook}" for i in range(graph.n_layers) for hook in ("attn.hook_z", "hook_mlp_out")),
    ]


def written(of, tokens: torch.Tensor) -> dict[str, torch.Tensor]:
    _, cache = of.bridge.run_with_cache(tokens)
    return {name: cache[name].detach() for name in outputs(of.graph)}


def gradients(of, embedded: torch.Tensor) -> dict[str, torch.Tensor]:
    """Of the loss, summed over prompts, at every output, with these token embeddings."""
    kept, leaf, prompts = {}, embedded.clone().requires_grad_(True), of.prompts

    def at(name: str):
        return lambda gradient, hook: kept.update({name: gradient.detach()})

    hooks = [(name, at(name)) for name in outputs(of.graph)[1:]]
    with of.bridge.hooks(fwd_hooks=[("hook_embed", lambda t, hook: leaf)], bwd_hooks=hooks):
        logits = of.bridge(prompts.clean)[torch.arange(len(prompts)), prompts.end]
        kept["hook_embed"] = torch.autograd.grad(-prompts.metric(logits).sum(), leaf)[0]
    return kept
