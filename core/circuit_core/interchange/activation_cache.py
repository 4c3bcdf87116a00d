"""The corrupted run as the background of all circuits, and how the clean run's writes differ from it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from transformer_lens.model_bridge import TransformerBridge

from circuit_core.forward.attention_replay import Attending
from circuit_core.forward.positions import Span
from circuit_core.forward.residual_stream import Norm, end_rows
from circuit_core.graph import Graph
from circuit_core.tasks.prompts import PromptSet

STREAMS = ("ln1.hook_in", "ln2.hook_in")
INSIDE = ("q", "k", "v", "z", "attn_scores", "cos", "sin")
WRITTEN = ("hook_embed", "hook_z", "hook_mlp_out")


@dataclass(frozen=True)
class LayerView:
    """A layer of the corrupted run at a span."""

    into_heads: Float[Tensor, "batch pos d_model"]
    into_mlp: Float[Tensor, "batch pos d_model"]
    q: Float[Tensor, "head batch pos d_head"]
    """Rotated."""
    z: Float[Tensor, "head batch pos d_head"]
    mlp: Float[Tensor, "batch pos d_model"]
    z_change: Float[Tensor, "head batch pos d_head"]
    """Clean minus corrupted run."""
    mlp_change: Float[Tensor, "batch pos d_model"]


@dataclass(frozen=True)
class Runs:
    """The clean and the corrupted run, made side by side."""

    clean: Float[Tensor, " batch"]
    corrupted: Float[Tensor, " batch"]
    """Metrics."""
    written: dict[str, Tensor]
    """What sources wrote in the clean run, by hook."""
    seen: dict[str, Tensor]
    """All that a background needs of the corrupted run, by hook."""

    def attending(self, layer: int, norm: Norm | None) -> Attending:
        """Of a layer, whose queries and keys are normalised so."""
        parts = {part: f"blocks.{layer}.attn.hook_{part}" for part in INSIDE}
        return Attending({part: self.seen[name] for part, name in parts.items() if name in self.seen}, norm)

    def change(self, name: str) -> Tensor:
        """Clean minus corrupted run."""
        return self.written[name] - self.seen[name]


@torch.no_grad()
def record(bridge: TransformerBridge, graph: Graph, prompts: PromptSet) -> Runs:
    names = ["hook_embed", "ln_final.hook_in"]
    for i in range(graph.n_layers):
        names += [f"blocks.{i}.{name}" for name in (*STREAMS, "hook_mlp_out")]
        names += [name for part in INSIDE if (name := f"blocks.{i}.attn.hook_{part}") in bridge.hook_dict]
    written, seen = {}, {}
    keep = [(name, _keep(name, len(prompts), written, seen)) for name in names]
    with bridge.hooks(fwd_hooks=[*keep, end_rows(prompts.end.repeat(2))]):
        clean, corrupted = bridge(torch.cat([prompts.clean, prompts.corrupted]))[:, 0].chunk(2)
    return Runs(prompts.metric.measured(clean), prompts.metric.measured(corrupted), written, seen)


def _keep(name: str, n: int, written: dict[str, Tensor], seen: dict[str, Tensor]):
    def hook(tensor: Tensor, hook: Any) -> None:
        seen[name] = tensor[-n:]
        if name.endswith(WRITTEN):
            written[name] = tensor[:n]

    return hook


class Background:
    """Both runs at one span. What norms read goes through `centred`."""

    def __init__(self, runs: Runs, attending: list[Attending], span: Span, centred: Callable[[Tensor], Tensor]) -> None:
        self.span, self.centred = span, centred
        self.embed_change = centred(span.take(runs.change("hook_embed")))
        self.into_logits: Float[Tensor, "batch pos d_model"] = centred(span.take(runs.seen["ln_final.hook_in"]))
        self.layers = [self._layer(f"blocks.{i}", a, runs) for i, a in enumerate(attending)]

    def _layer(self, block: str, attending: Attending, runs: Runs) -> LayerView:
        take, z, mlp = self.span.take, f"{block}.attn.hook_z", f"{block}.hook_mlp_out"
        return LayerView(
            *(self.centred(take(runs.seen[f"{block}.{stream}"])) for stream in STREAMS),
            q=take(attending.q.movedim(0, 2)).movedim(2, 0).contiguous(),
            z=take(runs.seen[z]).movedim(2, 0).contiguous(),
            mlp=take(runs.seen[mlp]),
            z_change=take(runs.change(z)).movedim(2, 0).contiguous(),
            mlp_change=self.centred(take(runs.change(mlp))),
        )
