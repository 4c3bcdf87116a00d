"""Gradients of the loss at every reader of the residual stream, summed over several passes.

Heads are hooked at q, k and v, in head space. For one pass, with x^ the normalised input of the layer, r its inverse
scale and g the gradient at a port, the gradient at the residual stream is

    r (g W^T) - c x^ ,   c = r g . (port - offset) / d_model

W being folded with the norm's gain and centred. The first part is linear in r g, which is summed in head space and
projected once; the second is kept as c and x^ of each pass.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from circuit_core.circuits.residual import Weights
from circuit_core.graph import PORTS, Graph

Hook = tuple[str, Any]


class GradientSum:
    """Add `forward` and `backward` hooks to each pass, then read `heads` and `other`."""

    def __init__(self, graph: Graph, weights: list[Weights], start: int) -> None:
        self.graph, self.start = graph, start
        self.layers = [_LayerSum(w, start) for w in weights]
        self.other: dict[str, Float[Tensor, "batch pos d_model"]] = {}
        """Gradients at the MLPs (`m3`) and the `logits`."""

    @property
    def forward(self) -> list[Hook]:
        hooks: list[Hook] = []
        for i, layer in enumerate(self.layers):
            hooks.append((f"blocks.{i}.ln1.hook_in", layer.see_input))
            hooks += [(f"blocks.{i}.attn.hook_{port}", layer.see_port(port)) for port in PORTS]
        return hooks

    @property
    def backward(self) -> list[Hook]:
        hooks: list[Hook] = [("ln_final.hook_in", self._add("logits"))]
        for i, layer in enumerate(self.layers):
            hooks.append((f"blocks.{i}.ln2.hook_in", self._add(f"m{i}")))
            hooks += [(f"blocks.{i}.attn.hook_{port}", layer.add(port)) for port in PORTS]
        return hooks

    def _add(self, reader: str):
        def hook(gradient: Tensor, hook: Any) -> None:
            here = gradient[:, self.start :]
            self.other[reader] = self.other[reader] + here if reader in self.other else here.clone()

        return hook

    def heads(self, layer: int) -> Float[Tensor, "port batch pos d_model"]:
        """Gradients at the 3 x head ports of a layer, in the graph's order: all q, all k, all v."""
        return self.layers[layer].at_residual()


class _LayerSum:
    """The heads of one layer."""

    def __init__(self, weights: Weights, start: int) -> None:
        self.weights, self.start = weights, start
        self.gradient: dict[str, Float[Tensor, "batch pos head d_head"]] = {}
        self.normalised: list[Float[Tensor, "batch pos d_model"]] = []
        self.along: list[dict[str, Float[Tensor, "batch pos head"]]] = []
        self.scale = torch.empty(0)
        self.value: dict[str, Tensor] = {}

    def see_input(self, tensor: Tensor, hook: Any) -> None:
        norm, x = self.weights.norm, tensor[:, self.start :].detach()
        x = x - x.mean(-1, keepdim=True) if norm.centres else x
        self.scale = norm.inverse_scale(x)
        self.normalised.append(x * self.scale)
        self.along.append({})

    def see_port(self, port: str):
        def hook(tensor: Tensor, hook: Any) -> None:
            self.value[port] = tensor[:, self.start :].detach()

        return hook

    def add(self, port: str):
        def hook(gradient: Tensor, hook: Any) -> None:
            scaled = gradient[:, self.start :] * self.scale[..., None]
            along = (scaled * (self.value[port] - self.weights.offset[port])).sum(-1)
            self.along[-1][port] = along / self.normalised[-1].shape[-1]
            self.gradient[port] = self.gradient[port] + scaled if port in self.gradient else scaled

        return hook

    def at_residual(self) -> Float[Tensor, "port batch pos d_model"]:
        projected = [torch.einsum("bphe,hde->hbpd", self.gradient[p], self.weights.folded[p]) for p in PORTS]
        along = torch.stack([torch.cat([step[p] for p in PORTS], -1) for step in self.along])
        return torch.cat(projected) - torch.einsum("mbph,mbpd->hbpd", along, torch.stack(self.normalised))
