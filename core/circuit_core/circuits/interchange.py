"""Run a circuit: everything outside it is corrupted (interchange evaluation, METHODS c.4).

The corrupted run is made once. In a mixed run on the clean prompts every reader gets

    r_v = r'_v + sum over sources u with (u->v) in the circuit of (z~_u - z'_u)

where primes are the corrupted run and z~_u is what u writes in the mixed run: edges in the circuit carry the current
activation, all others the corrupted one. Readers sit before their layer norms and the residual stream is an exact sum,
so this is exact. Ports without a kept edge reuse the corrupted q, k or v. Several circuits run side by side, stacked
along the batch.
"""

from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from transformer_lens.model_bridge import TransformerBridge

from circuit_core.circuits.residual import Recorder, Weights, end_rows
from circuit_core.graph import PORTS, Graph
from circuit_core.tasks.prompts import PromptSet


class Interchange:
    """Evaluates circuits of one model on one set of prompts."""

    def __init__(self, bridge: TransformerBridge, graph: Graph, prompts: PromptSet) -> None:
        self.bridge, self.graph, self.prompts = bridge, graph, prompts
        self.weights = [Weights(bridge, layer) for layer in range(graph.n_layers)]
        self.clean = self._plain(prompts.clean, [])
        self._corrupted_run()

    @torch.no_grad()
    def _plain(self, tokens: Tensor, hooks: list[Any]) -> Float[Tensor, " batch"]:
        with self.bridge.hooks(fwd_hooks=[*hooks, end_rows(self.prompts.end)]):
            return self.prompts.metric(self.bridge(tokens)[:, 0])

    def _corrupted_run(self) -> None:
        recorder = Recorder(self.graph.n_layers)
        self.at: dict[str, Tensor] = {}
        names = ["ln_final.hook_in"]
        for layer in range(self.graph.n_layers):
            names += [f"blocks.{layer}.{h}" for h in ("ln1.hook_in", "ln2.hook_in")]
            names += [f"blocks.{layer}.attn.hook_{port}" for port in PORTS]
        keep = [(name, _keep(self.at, name)) for name in names]
        self.corrupted = self._plain(self.prompts.corrupted, [*recorder.hooks, *keep])
        self.writes = recorder.writes

    @torch.no_grad()
    def metrics(self, masks: Bool[np.ndarray, "circuit src port"]) -> Float[Tensor, "circuit batch"]:
        """The metric of each circuit, per example."""
        run = _MixedRun(self, torch.from_numpy(masks).to(self.prompts.clean.device))
        n = len(masks)
        ends = end_rows(self.prompts.end.repeat(n))
        with self.bridge.hooks(fwd_hooks=[*run.hooks, ends]):
            logits = self.bridge(self.prompts.clean.repeat(n, 1))[:, 0]
        return torch.stack([self.prompts.metric(part) for part in logits.chunk(n)])


class _MixedRun:
    """Hooks of one stacked run; `delta` holds z~ - z' of the sources so far, [src, circuit, batch, pos, d_model]."""

    def __init__(self, of: Interchange, masks: Bool[Tensor, "circuit src port"]) -> None:
        self.of, self.masks, self.n = of, masks, len(masks)
        graph = of.graph
        self.used = masks.any(2).any(0)
        shape = of.writes.embed.shape
        self.delta = of.writes.embed.new_zeros(graph.n_sources, self.n, *shape)

    @property
    def hooks(self) -> list[Any]:
        hooks: list[Any] = [("hook_embed", self._write_embed)]
        graph = self.of.graph
        for layer in range(graph.n_layers):
            hooks += [(f"blocks.{layer}.attn.hook_{port}", self._head_port(layer, port)) for port in PORTS]
            hooks.append((f"blocks.{layer}.attn.hook_z", self._write_heads(layer)))
            hooks.append(
                (f"blocks.{layer}.ln2.hook_in", self._reader(graph.mlp_port(layer), f"blocks.{layer}.ln2.hook_in"))
            )
            hooks.append((f"blocks.{layer}.hook_mlp_out", self._write_mlp(layer)))
        return [*hooks, ("ln_final.hook_in", self._reader(graph.logits, "ln_final.hook_in"))]

    def _stacked(self, tensor: Tensor) -> Tensor:
        return tensor.unflatten(0, (self.n, -1))

    def _write_embed(self, tensor: Tensor, hook: Any) -> None:
        self.delta[0] = self._stacked(tensor) - self.of.writes.embed

    def _write_heads(self, layer: int):
        def hook(tensor: Tensor, hook: Any) -> None:
            change = self._stacked(tensor) - self.of.writes.z[layer]
            for head in range(self.of.graph.n_heads):
                source = self.of.graph.head(layer, head)
                if self.used[source]:
                    torch.matmul(change[..., head, :], self.of.weights[layer].out[head], out=self.delta[source])

        return hook

    def _write_mlp(self, layer: int):
        def hook(tensor: Tensor, hook: Any) -> None:
            self.delta[self.of.graph.mlp(layer)] = self._stacked(tensor) - self.of.writes.mlp[layer]

        return hook

    def _incoming(self, ports: slice) -> Float[Tensor, "circuit batch pos port d_model"]:
        """What a set of ports receives beyond the corrupted residual stream."""
        kept = self.masks[:, :, ports]
        sources = kept.any(2).any(0).nonzero()[:, 0]
        weight = kept[:, sources].to(self.delta.dtype)
        return torch.einsum("suh,usbpd->sbphd", weight, self.delta[sources])

    def _head_port(self, layer: int, port: str):
        ports, weights = self.of.graph.head_ports(layer, port), self.of.weights[layer]

        def hook(tensor: Tensor, hook: Any) -> Tensor:
            corrupted = self.of.at[hook.name]
            fed = self.masks[:, :, ports].any(1)
            if not fed.any():
                return corrupted.repeat(self.n, 1, 1, 1)
            stream = self.of.at[f"blocks.{layer}.ln1.hook_in"][:, :, None] + self._incoming(ports)
            mixed = weights.project(stream, port)
            return torch.where(fed[:, None, None, :, None], mixed, corrupted).flatten(0, 1)

        return hook

    def _reader(self, port: int, name: str):
        def hook(tensor: Tensor, hook: Any) -> Tensor:
            return (self.of.at[name] + self._incoming(slice(port, port + 1))[..., 0, :]).flatten(0, 1)

        return hook


def _keep(into: dict[str, Tensor], name: str):
    def hook(tensor: Tensor, hook: Any) -> None:
        into[name] = into[hook.name] = tensor.detach()

    return hook
