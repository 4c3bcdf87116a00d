"""Gradients of the loss at every reader of the residual stream, summed over several passes.

Heads are hooked at q, k and v, in head space. For one pass, with x^ the normalised input of the layer, r its inverse
scale and g the gradient at a port, the gradient at the residual stream is

    r (g W^T) - c x^ ,   c = r g . (port - offset) / d_model

W being folded with the norm's gain and centred. The first part is linear in r g, which is summed in head space and
projected once; the second is kept as c and x^ of each pass. MLPs and logits are hooked before their norms.

Hooks hand on a tensor of their own, so that its gradient is this reader's alone. Ports that no other reader precedes
are cut off from what lies before: nothing there is asked for, so the backward pass ends at them. All sums are allocated
before the first pass: among its activations they would keep the allocator from giving those back.
"""

from collections.abc import Iterator
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from circuit_core.forward.residual_stream import Weights
from circuit_core.graph import PORTS
from circuit_core.loaded_model import LoadedModel

Hook = tuple[str, Any]


class GradientSum:
    """At the readers of `source` and of all after it.

    Add `hooks` to each forward pass and ask the backward pass for `ends` too; then read `at_readers`.
    """

    def __init__(
        self,
        model: LoadedModel,
        like: Float[Tensor, "batch pos d_model"],
        passes: int,
        source: int,
    ) -> None:
        bridge, graph = self.bridge, self.graph = model.bridge, model.graph
        self.start = -like.shape[1]
        layers = range(graph.n_layers)
        reading = [i for i in layers if graph.before_layer(i) > source]
        self.heads = {i: _HeadSum(Weights(bridge, i), like, passes) for i in reading}
        self.mlps = [i for i in layers if graph.before_mlp(i) > source]
        self.other = {p: torch.zeros_like(like) for p in (*map(graph.mlp_port, self.mlps), graph.logits)}
        """Gradients at the MLPs and the logits, by port."""
        self.ends: dict[str, Tensor] = {}
        """Where the latest pass's backward run ends, beside its own start."""

    @property
    def hooks(self) -> list[Hook]:
        hooks: list[Hook] = [("ln_final.hook_in", self._see(self.graph.logits))]
        hooks += [(f"blocks.{i}.ln2.hook_in", self._see(self.graph.mlp_port(i))) for i in self.mlps]
        for i, layer in self.heads.items():
            ends = self.ends if i == min((*self.heads, *self.mlps)) else None
            hooks.append((f"blocks.{i}.ln1.hook_in", layer.see_input))
            hooks += [(f"blocks.{i}.attn.hook_{port}", layer.see_port(port, ends)) for port in PORTS]
        return hooks

    def _see(self, port: int):
        def add(gradient: Tensor) -> None:
            self.other[port] += gradient[:, self.start :]

        def hook(tensor: Tensor, hook: Any) -> Tensor:
            seen = tensor.view_as(tensor)
            seen.register_hook(add)
            return seen

        return hook

    def at_readers(self, rows: slice) -> Iterator[tuple[slice, Float[Tensor, "port batch pos d_model"]]]:
        """Ports and the gradients there, for some prompts: all q, k and v of a layer at once, in the graph's order."""
        for i, layer in self.heads.items():
            ports = slice(self.graph.head_ports(i, "q").start, self.graph.head_ports(i, "v").stop)
            yield ports, layer.at_residual(Weights(self.bridge, i), rows)
        for port, gradient in self.other.items():
            yield slice(port, port + 1), gradient[None, rows]


class _HeadSum:
    """The heads of one layer; all q, then all k, then all v."""

    def __init__(self, weights: Weights, like: Float[Tensor, "batch pos d_model"], passes: int) -> None:
        self.norm, self.offset, self.start = weights.norm, weights.offset, -like.shape[1]
        (n, width), (batch, pos, d_model) = self.offset["q"].shape, like.shape
        self.gradient = like.new_zeros(batch, pos, len(PORTS) * n, width)
        self.along = like.new_zeros(batch, pos, len(PORTS) * n, passes)
        self.normalised = like.new_zeros(batch, pos, passes, d_model)
        self.step = -1
        self.scale = torch.empty(0)

    def see_input(self, tensor: Tensor, hook: Any) -> None:
        x = tensor[:, self.start :].detach()
        x = self.norm.seen(x)
        self.scale = self.norm.inverse_scale(x)
        self.step += 1
        torch.mul(x, self.scale, out=self.normalised[:, :, self.step])

    def see_port(self, port: str, ends: dict[str, Tensor] | None):
        def hook(tensor: Tensor, hook: Any) -> Tensor:
            seen = tensor.view_as(tensor) if ends is None else tensor.detach().requires_grad_(True)
            value = tensor.detach()
            seen.register_hook(lambda gradient: self._add(port, gradient[:, self.start :], value[:, self.start :]))
            if ends is not None:
                ends[port] = seen
            return seen

        return hook

    def _add(self, port: str, gradient: Tensor, value: Tensor) -> None:
        n, d_model = len(self.offset[port]), self.normalised.shape[-1]
        here = slice(PORTS.index(port) * n, (PORTS.index(port) + 1) * n)
        self.along[:, :, here, self.step] = (gradient * (value - self.offset[port])).sum(-1) * (self.scale / d_model)
        self.gradient[:, :, here].addcmul_(gradient, self.scale[..., None])

    def at_residual(self, weights: Weights, rows: slice) -> Float[Tensor, "port batch pos d_model"]:
        summed, along, x = (t[rows].flatten(0, 1) for t in (self.gradient, self.along, self.normalised))
        folded = torch.cat([weights.fold(port) for port in PORTS])
        projected = summed.transpose(0, 1) @ folded.transpose(1, 2)
        projected.transpose(0, 1).baddbmm_(along, x, alpha=-1)
        return projected.unflatten(1, self.gradient[rows].shape[:2])
