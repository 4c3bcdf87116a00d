"""What all mixed runs on one set of prompts share: both runs' activations, the weights as used, memory for changes.

The clean and the corrupted run are made once, side by side. Mixed runs start from the corrupted one and need of the
clean one only how its writes differ.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from circuit_core.forward import positions
from circuit_core.forward.attention_replay import AttentionReplay
from circuit_core.forward.positions import Span
from circuit_core.forward.residual_stream import Weights, end_rows
from circuit_core.interchange.head_inputs import HeadInputs
from circuit_core.interchange.required_nodes import ANSWER, EVERYWHERE
from circuit_core.loaded_model import LoadedModel
from circuit_core.tasks.prompts import PromptSet

STREAMS = ("ln1.hook_in", "ln2.hook_in")
INSIDE = ("q", "k", "v", "z", "attn_scores", "cos", "sin")
WRITTEN = ("hook_embed", "hook_z", "hook_mlp_out")


@dataclass(frozen=True)
class LayerActivations:
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
class PairedRuns:
    """The clean and the corrupted run, made side by side."""

    clean: Float[Tensor, " batch"]
    corrupted: Float[Tensor, " batch"]
    """Metrics."""
    written: dict[str, Tensor]
    """What sources wrote in the clean run, by hook."""
    seen: dict[str, Tensor]
    """All that a background needs of the corrupted run, by hook."""

    def attending(self, layer: int, weights: Weights) -> AttentionReplay:
        """Of a layer."""
        parts = {part: f"blocks.{layer}.attn.hook_{part}" for part in INSIDE}
        seen = {part: self.seen[name] for part, name in parts.items() if name in self.seen}
        return AttentionReplay(seen, weights.norm_of_queries_and_keys, weights.bound)

    def change(self, name: str) -> Tensor:
        """Clean minus corrupted run."""
        return self.written[name] - self.seen[name]


@torch.no_grad()
def record(model: LoadedModel, prompts: PromptSet) -> PairedRuns:
    bridge, names = model.bridge, ["hook_embed", "ln_final.hook_in"]
    for i in range(model.graph.n_layers):
        names += [f"blocks.{i}.{name}" for name in (*STREAMS, "hook_mlp_out")]
        names += [name for part in INSIDE if (name := f"blocks.{i}.attn.hook_{part}") in bridge.hook_dict]
    written, seen = {}, {}
    keep = [(name, _keep(name, len(prompts), written, seen)) for name in names]
    with bridge.hooks(fwd_hooks=[*keep, end_rows(prompts.end.repeat(2))]):
        clean, corrupted = bridge(torch.cat([prompts.clean, prompts.corrupted]))[:, 0].chunk(2)
    return PairedRuns(prompts.metric.measured(clean), prompts.metric.measured(corrupted), written, seen)


def _keep(name: str, n: int, written: dict[str, Tensor], seen: dict[str, Tensor]):
    def hook(tensor: Tensor, hook: Any) -> None:
        seen[name] = tensor[-n:]
        if name.endswith(WRITTEN):
            written[name] = tensor[:n]

    return hook


class CachedActivations:
    """Both runs at one span. What norms read goes through `centred`."""

    def __init__(
        self, runs: PairedRuns, attending: list[AttentionReplay], span: Span, centred: Callable[[Tensor], Tensor]
    ) -> None:
        self.span, self.centred = span, centred
        self.embed_change = centred(span.take(runs.change("hook_embed")))
        self.into_logits: Float[Tensor, "batch pos d_model"] = centred(span.take(runs.seen["ln_final.hook_in"]))
        self.layers = [self._layer(f"blocks.{i}", a, runs) for i, a in enumerate(attending)]

    def _layer(self, block: str, attending: AttentionReplay, runs: PairedRuns) -> LayerActivations:
        take, z, mlp = self.span.take, f"{block}.attn.hook_z", f"{block}.hook_mlp_out"
        return LayerActivations(
            *(self.centred(take(runs.seen[f"{block}.{stream}"])) for stream in STREAMS),
            q=take(attending.q.movedim(0, 2)).movedim(2, 0).contiguous(),
            z=take(runs.seen[z]).movedim(2, 0).contiguous(),
            mlp=take(runs.seen[mlp]),
            z_change=take(runs.change(z)).movedim(2, 0).contiguous(),
            mlp_change=self.centred(take(runs.change(mlp))),
        )


ABREAST = 2**22
"""Numbers that the changes of all sources may hold together: few enough to stay near the processor."""


class ActivationCache:
    """Of one model; `clean` and `corrupted` are the metrics of the two runs, float [batch]."""

    def __init__(self, model: LoadedModel, prompts: PromptSet) -> None:
        bridge, graph = self.bridge, self.graph = model.bridge, model.graph
        weights = [Weights(bridge, layer) for layer in range(graph.n_layers)]
        self.centred = weights[0].norm.seen
        """Without what norms that centre do not see. No method of its own, for what points back here outlives its
        use."""
        runs = record(model, prompts)
        self.clean, self.corrupted = runs.clean, runs.corrupted
        self.attending = [runs.attending(layer, w) for layer, w in enumerate(weights)]
        self.into, self.out = [HeadInputs(w) for w in weights], [self.centred(w.out) for w in weights]
        tail = positions.tail(prompts)
        self.at = {
            where: CachedActivations(runs, self.attending, span, self.centred)
            for where, span in ((ANSWER, positions.AnswerPosition(prompts.end)), (EVERYWHERE, tail))
        }
        self.answer_in_tail = positions.AnswerPosition(prompts.end - tail.start)
        self._room: dict[int, Tensor] = {}

    @cached_property
    def abreast(self) -> int:
        """How many circuits fit side by side."""
        return max(1, ABREAST // (self.graph.n_sources * self.at[EVERYWHERE].embed_change.numel()))

    def room(self, where: int, circuits: int, sources: int) -> Float[Tensor, "circuit src batch pos d_model"]:
        """Memory for changes, used again by the next circuits."""
        embed = self.at[where].embed_change
        if where not in self._room:
            self._room[where] = embed.new_empty(self.abreast * self.graph.n_sources * embed.numel())
        return self._room[where][: circuits * sources * embed.numel()].view(circuits, sources, *embed.shape)
