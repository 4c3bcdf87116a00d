"""The residual stream as a sum: what every source writes, and what every reader's layer norm does to it.

Hook points of the raw bridge (METHODS 0.3). Head writes are kept as `z` and multiplied by W_O only when a sum over
sources is due; biases are the same in both runs and cancel in every difference.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from transformer_lens.model_bridge import TransformerBridge

from circuit_core.graph import PORTS, Graph


@dataclass
class Writes:
    """What the sources wrote in one run, from position `start` on."""

    embed: Float[Tensor, "batch pos d_model"]
    z: list[Float[Tensor, "batch pos head d_head"]]
    mlp: list[Float[Tensor, "batch pos d_model"]]

    def __getitem__(self, rows: slice) -> "Writes":
        return Writes(self.embed[rows], [z[rows] for z in self.z], [m[rows] for m in self.mlp])


class Recorder:
    """Forward hooks that keep what the sources write. Add `hooks` to a run, then read `writes`."""

    def __init__(self, n_layers: int, start: int = 0) -> None:
        self.start = start
        self.kept: dict[str, Tensor] = {}
        self.names = [
            "hook_embed",
            *(f"blocks.{i}.{h}" for i in range(n_layers) for h in ("attn.hook_z", "hook_mlp_out")),
        ]
        self.n_layers = n_layers

    @property
    def hooks(self) -> list[tuple[str, Any]]:
        return [(name, self._keep(name)) for name in self.names]

    def _keep(self, name: str):
        def hook(tensor: Tensor, hook: Any) -> None:
            self.kept[name] = tensor[:, self.start :].detach()

        return hook

    @property
    def writes(self) -> Writes:
        layers = range(self.n_layers)
        return Writes(
            self.kept["hook_embed"],
            [self.kept[f"blocks.{i}.attn.hook_z"] for i in layers],
            [self.kept[f"blocks.{i}.hook_mlp_out"] for i in layers],
        )


class Weights:
    """A layer's q, k, v and output matrices, each read once, and its norm's gain and bias."""

    def __init__(self, bridge: TransformerBridge, layer: int) -> None:
        attn: Any = bridge.blocks[layer].attn
        self.norm = Norm.of(bridge, bridge.blocks[layer].ln1)
        self.norm_of_queries_and_keys = Norm.of_heads(bridge, attn)
        self.bound: float | None = getattr(attn.original_component.config, "clip_qkv", None)
        """Of |q|, |k| and |v| (OLMo)."""
        self.into = {p: getattr(attn, f"W_{p.upper()}").detach() for p in PORTS}
        self.bias: dict[str, Float[Tensor, "head d_head"]] = {}
        for port, weight in self.into.items():
            bias = getattr(attn, f"b_{port.upper()}", None)
            self.bias[port] = weight.new_zeros(weight.shape[0], weight.shape[2]) if bias is None else bias.detach()
        self.out: Float[Tensor, "head d_head d_model"] = attn.W_O.detach()

    @cached_property
    def folded(self) -> dict[str, Float[Tensor, "head d_model d_head"]]:
        return {port: self.fold(port) for port in PORTS}

    def fold(self, port: str) -> Float[Tensor, "head d_model d_head"]:
        """W with the norm's gain, centred over d_model if the norm centres."""
        gained = self.into[port] * self.norm.gain[:, None]
        return gained.sub_(gained.mean(1, keepdim=True)) if self.norm.centres else gained

    @cached_property
    def offset(self) -> dict[str, Float[Tensor, "head d_head"]]:
        """What a port's vector is when the normalised input is zero."""
        return {p: self.bias[p] + torch.einsum("d,hde->he", self.norm.shift, self.into[p]) for p in PORTS}

    def project(self, x: Float[Tensor, "... head d_model"], port: str) -> Float[Tensor, "... head d_head"]:
        """Residual streams, one a head, to that head's port."""
        return torch.einsum("...hd,hde->...he", self.norm.normalise(x), self.folded[port]) + self.offset[port]


@dataclass(frozen=True)
class Norm:
    """A layer norm or an RMS norm; of a stream, or one for every port of d_head."""

    gain: Float[Tensor, "*port d_model"]
    shift: Float[Tensor, "*port d_model"]
    eps: float
    centres: bool

    @staticmethod
    def of(bridge: TransformerBridge, module: Any) -> "Norm":
        cfg: Any = bridge.cfg
        gain = module.weight.detach()
        bias = getattr(module, "bias", None)
        centres = not (cfg.uses_rms_norm or str(cfg.normalization_type).startswith("RMS"))
        return Norm(gain, torch.zeros_like(gain) if bias is None else bias.detach(), cfg.eps, centres)

    @staticmethod
    def of_heads(bridge: TransformerBridge, attn: Any) -> "Norm | None":
        """Of queries, then keys: gain, shift [port 1 1 d_head]; None if the model normalises neither (METHODS l.9)."""
        if "q_norm" not in attn.submodules:
            return None
        cfg: Any = bridge.cfg
        norms: list[Norm] = []
        for norm in (getattr(attn, f"{port}_norm").original_component for port in "qk"):
            each = getattr(norm, "norms", None) or [norm] * cfg.n_heads  # one for every head, or one for all
            norms += [Norm.of(bridge, one) for one in each]
        gain, shift = (torch.stack([getattr(of, name) for of in norms])[:, None, None] for name in ("gain", "shift"))
        return replace(norms[0], gain=gain, shift=shift)

    def __getitem__(self, ports: Int[np.ndarray, " some"]) -> "Norm":
        return replace(self, gain=self.gain[ports], shift=self.shift[ports])

    def seen(self, x: Float[Tensor, "*rows d_model"]) -> Float[Tensor, "*rows d_model"]:
        """What it sees of a stream: centred if it centres."""
        return x - x.mean(-1, keepdim=True) if self.centres else x

    def normalise(self, x: Float[Tensor, "*rows d_model"]) -> Float[Tensor, "*rows d_model"]:
        """Without gain and shift."""
        x = self.seen(x)
        return x * self.inverse_scale(x)

    def inverse_scale(self, centred: Float[Tensor, "*rows d_model"]) -> Float[Tensor, "*rows 1"]:
        return (centred.pow(2).mean(-1, keepdim=True) + self.eps).rsqrt()

    def __call__(self, x: Float[Tensor, "*rows d_model"]) -> Float[Tensor, "*rows d_model"]:
        return self.normalise(x) * self.gain + self.shift


def stack(a: Writes, b: Writes, weights: list[Weights], graph: Graph) -> Float[Tensor, "src batch pos d_model"]:
    """a - b of every source, in the order of the graph's source indices."""
    out = a.embed.new_empty(graph.n_sources, *a.embed.shape)
    torch.sub(a.embed, b.embed, out=out[0])
    for layer, w in enumerate(weights):
        first, last = graph.head(layer, 0), graph.mlp(layer)
        out[first:last] = by_head(a.z[layer] - b.z[layer], w)
        torch.sub(a.mlp[layer], b.mlp[layer], out=out[last])
    return out


def by_head(z: Float[Tensor, "batch pos head d_head"], weights: Weights) -> Float[Tensor, "head batch pos d_model"]:
    """What each head writes."""
    return torch.einsum("bphe,hed->hbpd", z, weights.out)


def end_rows(end: Tensor):
    """A hook for `unembed.hook_in`: only the rows at which answers are read are unembedded."""

    def hook(tensor: Tensor, hook: Any) -> Tensor:
        return tensor[torch.arange(len(end), device=end.device), end][:, None]

    return ("unembed.hook_in", hook)
