"""A model taken apart: its clean run, and its attentions, MLPs and metric, each to be run again by itself.

An attention is called with the arguments (mask, rotary angles) that the model gives it for one prompt. Padding is on
the right and never masked, so they serve every prompt and any stack of them.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from circuit_core.forward.readout import Readout
from circuit_core.forward.residual_stream import Recorder, Weights, Writes, end_rows
from circuit_core.loaded_model import LoadedModel
from circuit_core.tasks.prompts import PromptSet


@dataclass(frozen=True)
class CleanRun:
    """The run on the clean prompts."""

    writes: Writes
    stream: list[Float[Tensor, "batch pos d_model"]]
    """The residual stream before each layer's attention, and before the final norm."""
    before_mlp: list[Float[Tensor, "batch pos d_model"]]
    attention: Float[Tensor, "name layer head batch"]
    """From END to each named position, in the prompts' order of names."""
    metric: Float[Tensor, " batch"]


class ModelParts:
    """The parts of one model, for one set of prompts."""

    def __init__(self, model: LoadedModel, prompts: PromptSet) -> None:
        self.bridge, self.graph, self.prompts = model.bridge, model.graph, prompts
        self.metric = Readout(model.bridge, prompts.metric)
        """From the residual stream at END."""
        self.weights = [Weights(self.bridge, layer) for layer in range(self.graph.n_layers)]

    @torch.no_grad()
    def run(self, tokens: Int[Tensor, "batch pos"], *hooks: Any) -> tuple[Writes, Float[Tensor, " batch"]]:
        """What the sources write on these tokens, and the metric."""
        recorder = Recorder(self.graph.n_layers)
        with self.bridge.hooks(fwd_hooks=[*recorder.hooks, *hooks, end_rows(self.prompts.end)]):
            metric = self.prompts.metric.measured(self.bridge(tokens)[:, 0])
        return recorder.writes, metric

    @cached_property
    def clean(self) -> CleanRun:
        stream, before_mlp, attention = [], [], []
        hooks: list[Any] = [("ln_final.hook_in", lambda tensor, hook: stream.append(tensor))]
        for layer in range(self.graph.n_layers):
            hooks += [
                (f"blocks.{layer}.ln1.hook_in", lambda tensor, hook: stream.append(tensor)),
                (f"blocks.{layer}.ln2.hook_in", lambda tensor, hook: before_mlp.append(tensor)),
                (f"blocks.{layer}.attn.hook_pattern", lambda tensor, hook: attention.append(self.from_end(tensor))),
            ]
        writes, metric = self.run(self.prompts.clean, *hooks)
        return CleanRun(writes, stream, before_mlp, torch.stack(attention, 1), metric)

    def from_end(self, pattern: Float[Tensor, "row head query key"]) -> Float[Tensor, "name head row"]:
        """Attention from END to the named positions; rows are all prompts, any number of times over."""
        rows = torch.arange(len(pattern), device=pattern.device)
        times = len(pattern) // len(self.prompts)
        from_end = pattern[rows, :, self.prompts.end.repeat(times)]
        named = [from_end[rows, :, place.repeat(times)].T for place in self.prompts.positions.values()]
        return torch.stack(named) if named else pattern.new_empty(0, pattern.shape[1], len(rows))

    def attention(
        self, layer: int, stream: Float[Tensor, "row pos d_model"], hooks: list[Any]
    ) -> Float[Tensor, "row pos d_model"]:
        """What a layer's heads write together, from the residual stream."""
        block: Any = self.bridge.blocks[layer]
        arguments = self._arguments[layer]
        with self.bridge.hooks(fwd_hooks=hooks):
            return block.attn(block.ln1(stream), **arguments)[0]

    def mlp(self, layer: int, stream: Float[Tensor, "stack row d_model"]) -> Float[Tensor, "stack row d_model"]:
        """What a layer's MLP writes; it works on every position by itself."""
        block: Any = self.bridge.blocks[layer]
        return block.mlp(block.ln2(stream))

    @cached_property
    def _arguments(self) -> list[dict[str, Any]]:
        """What the model gives each attention beside its input."""
        given: list[dict[str, Any]] = []
        attentions: list[Any] = [block.attn for block in self.bridge.blocks]

        def see(module: Any, inputs: Any, arguments: dict[str, Any]) -> None:
            given.append({name: value for name, value in arguments.items() if name != "hidden_states"})

        handles = [a.register_forward_pre_hook(see, with_kwargs=True) for a in attentions]
        with torch.no_grad(), self.bridge.hooks(fwd_hooks=[end_rows(self.prompts.end[:1])]):
            self.bridge(self.prompts.clean[:1], use_cache=False)
        for handle in handles:
            handle.remove()
        return given
