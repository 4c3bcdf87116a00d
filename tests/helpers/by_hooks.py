"""A circuit evaluated the slow and obvious way, for what `Interchange` gives to be held against."""

from functools import lru_cache
from typing import Any

import torch


@lru_cache(1)
def corrupted(run: Any) -> tuple[Any, list[Any]]:
    """What each part of the model writes on the corrupted prompts, and the weights of each layer."""
    from circuit_core.forward.residual_stream import Weights

    _, seen = run.model.bridge.run_with_cache(run.prompts.corrupted)
    return seen, [Weights(run.model.bridge, layer) for layer in range(run.graph.n_layers)]


@torch.no_grad()
def by_hooks(run: Any, mask: Any) -> torch.Tensor:
    """The metric of each prompt: the whole bridge runs, and every reader is given its own residual stream."""
    bridge, graph, prompts = run.model.bridge, run.graph, run.prompts
    seen, weights = corrupted(run)
    changes = torch.zeros(graph.n_sources, *seen["hook_embed"].shape)

    def stream(port, at):
        return seen[at] + torch.einsum("s,sbpd->bpd", torch.tensor(mask[:, port]).float(), changes)

    def write(sources, name, out=None):
        def hook(tensor, hook):
            change = tensor - seen[name]
            changes[sources] = change if out is None else torch.einsum("bphe,hed->hbpd", change, out)

        return name, hook

    def heads(layer, port):
        def hook(tensor, hook):
            ports = range(graph.n_ports)[graph.head_ports(layer, port)]
            return weights[layer].project(
                torch.stack([stream(p, f"blocks.{layer}.ln1.hook_in") for p in ports], 2), port
            )

        return f"blocks.{layer}.attn.hook_{port}", hook

    def reads(port, name):
        return name, lambda tensor, hook: stream(port, name)

    hooks = [write(0, "hook_embed")]
    for i, w in enumerate(weights):
        hooks += [heads(i, port) for port in "qkv"]
        hooks += [write(slice(graph.head(i, 0), graph.mlp(i)), f"blocks.{i}.attn.hook_z", w.out)]
        hooks += [reads(graph.mlp_port(i), f"blocks.{i}.ln2.hook_in"), write(graph.mlp(i), f"blocks.{i}.hook_mlp_out")]
    logits = bridge.run_with_hooks(prompts.clean, fwd_hooks=[*hooks, reads(graph.logits, "ln_final.hook_in")])
    return prompts.metric(logits[torch.arange(len(prompts)), prompts.end])
