"""Run D of path patching: the clean prompts, with changed inputs to the receivers (METHODS f.1).

It starts at the first layer that the senders reach, for several senders side by side, stacked along the batch. After
the last attention only END matters.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from circuit_core.patching.direct_paths import Receivers, Rows
from circuit_core.patching.model_parts import ModelParts


class PatchedRun:
    """One run; `reached` is the change of what the receivers of a layer read."""

    def __init__(
        self, parts: ModelParts, to: Receivers, reached: dict[int, Float[Tensor, "stack row d_model"]], rows: Rows
    ) -> None:
        self.parts, self.to, self.reached, self.rows = parts, to, reached, rows
        self.n = len(next(iter(reached.values())))
        self.end = parts.prompts.end.repeat(self.n)
        clean = parts.clean.attention[:, *to.index]
        self.attention: Float[Tensor, "name receiver stack batch"] = clean[:, :, None].repeat(1, 1, self.n, 1)
        """From END to the named positions, of each receiving head."""

    def _stack(self, tensor: Float[Tensor, "batch ..."]) -> Float[Tensor, "stack batch ..."]:
        return tensor[None].repeat(self.n, *(1 for _ in tensor.shape))

    def _at_end(self, tensor: Float[Tensor, "row pos d_model"]) -> Float[Tensor, "row 1 d_model"]:
        return tensor[torch.arange(len(tensor), device=tensor.device), self.end][:, None]

    def to_logits(self) -> Float[Tensor, "stack batch"]:
        """The metric if the logits are the receiver."""
        final = self.parts.clean.stream[-1]
        at_end = final[torch.arange(len(final), device=final.device), self.parts.prompts.end]
        changed = self._stack(at_end)
        changed[:, self.rows[0]] += self.reached[self.to.n_layers]
        return self.parts.metric(changed)

    def to_heads(self, frozen: bool) -> Float[Tensor, "stack batch"]:
        """The metric if heads are the receivers. Frozen MLPs: changes add to what receivers read in this very run."""
        parts, clean, parallel = self.parts, self.parts.clean, self.parts.graph.parallel
        first, last = min(self.reached), self.to.n_layers - 1
        stream = self._stack(clean.stream[first]).flatten(0, 1)
        for layer in range(first, last + 1):
            after = stream + parts.attention(layer, stream, self._hooks(layer, stream if frozen else None))
            cut = self._at_end if layer == last else _whole
            if parallel and layer == first:
                mlp = cut(self._stack(clean.writes.mlp[layer]).flatten(0, 1))
            else:
                mlp = parts.mlp(layer, cut(stream if parallel else after))
            stream = cut(after) + mlp
        return parts.metric(stream.unflatten(0, (self.n, -1))[:, :, 0])

    def _hooks(self, layer: int, stream: Float[Tensor, "row pos d_model"] | None) -> list[Any]:
        """What a layer's receivers are given, a change of this stream or of the clean one, and where they look."""
        if layer not in self.reached:
            return []
        clean = self.parts.clean.stream[layer]
        changed = self._stack(clean) if stream is None else stream.unflatten(0, (self.n, -1)).clone()
        changed[:, *self.rows] += self.reached[layer]
        normed = self.parts.weights[layer].norm(changed.flatten(0, 1))
        ports = [(port, self._give(layer, port, heads, normed)) for port, heads in self.to.ports[layer].items()]
        hooks: list[Any] = [(f"blocks.{layer}.attn.hook_{port}", hook) for port, hook in ports]
        return [*hooks, (f"blocks.{layer}.attn.hook_pattern", self._look(layer))]

    def _give(self, layer: int, port: str, heads: list[int], normed: Float[Tensor, "row pos d_model"]):
        weights = self.parts.weights[layer]
        value = torch.einsum("bpd,hde->bphe", normed, weights.into[port][heads]) + weights.bias[port][heads]

        def hook(tensor: Tensor, hook: Any) -> Tensor:
            given = tensor.clone()
            given[:, :, heads] = value
            return given

        return hook

    def _look(self, layer: int):
        def hook(pattern: Tensor, hook: Any) -> None:
            seen = self.parts.from_end(pattern).unflatten(2, (self.n, -1))
            for i, (at, head) in enumerate(zip(*self.to.index, strict=True)):
                if at == layer:
                    self.attention[:, i] = seen[:, head]

        return hook


def _whole(tensor: Tensor) -> Tensor:
    return tensor
