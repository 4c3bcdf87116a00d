"""Whether a circuit does greater-than as known: heads look at the year, MLPs raise the later ones (METHODS h.9).

In "The war lasted from the year 1732 to the year 17" YY is 32. Of a circuit's MLPs that write to the logits, and of the
heads that write to such an MLP:

    head    share of prompts in which its largest attention from END is to YY
            share in which, of the 100 years, its own contribution to the logits is largest for YY or the year after
    MLP     its own contribution to the logits: mean over later years minus mean over the others

A contribution is what a node writes at END, through the final norm's scale in that run and the unembedding.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from transformer_lens.model_bridge import TransformerBridge

from circuit_core.errors import TaskError
from circuit_core.graph import Graph
from circuit_core.heads.unembedding import Unembedding
from circuit_core.patching.parts import Parts
from circuit_core.tasks.metrics import ProbabilityDifference
from circuit_core.tasks.prompts import PromptSet


@dataclass(frozen=True)
class YearHead:
    layer: int
    head: int
    looks_at_year: float
    """Share of prompts; likewise below."""
    raises_year: float


@dataclass(frozen=True)
class YearMLP:
    layer: int
    later_minus_others: float
    """Mean over prompts, in logits."""


@dataclass(frozen=True)
class GreaterThan:
    heads: list[YearHead]
    mlps: list[YearMLP]


@torch.no_grad()
def greater_than_check(bridge: TransformerBridge, graph: Graph, prompts: PromptSet, mask: np.ndarray) -> GreaterThan:
    """Check a circuit, bool [src, port]. The metric's answers are the years, ascending.

    Raises:
        TaskError: the prompts do not say where YY stands, or their metric is not over years.
    """
    if "YY" not in prompts.positions or not isinstance(prompts.metric, ProbabilityDifference):
        raise TaskError(f"{prompts.name} is no task of years: give the position of YY and all years as answers.")
    mlps = [layer for layer in range(graph.n_layers) if mask[graph.mlp(layer), graph.logits]]
    every = [(layer, head) for layer in range(graph.n_layers) for head in range(graph.n_heads)]
    heads = [at for at in every if any(mask[graph.head(*at), graph.mlp_port(layer)] for layer in mlps)]
    years = _Years(Parts(bridge, graph, prompts), prompts.metric)
    found = [YearHead(*at, years.looks_at(*at), years.raises(*at)) for at in heads]
    return GreaterThan(found, [YearMLP(layer, years.later_minus_others(layer)) for layer in mlps])


class _Years:
    """One clean run, and what its nodes say about years."""

    def __init__(self, parts: Parts, metric: ProbabilityDifference) -> None:
        self.parts, self.metric, prompts = parts, metric, parts.prompts
        self.rows = torch.arange(len(prompts), device=prompts.clean.device)
        self.writes, self.final, self.looked = parts.clean.writes, parts.clean.stream[-1], self._looked()
        self.unembedding = Unembedding(parts.bridge)
        self.year = prompts.clean[self.rows, prompts.positions["YY"]]

    def _looked(self) -> list[Bool[Tensor, "batch head"]]:
        """By layer, whether the largest attention from END is to YY."""
        prompts, found = self.parts.prompts, []

        def see(pattern: Tensor, hook: Any) -> None:
            found.append(pattern[self.rows, :, prompts.end].argmax(-1) == prompts.positions["YY"][:, None])

        self.parts.run(prompts.clean, *((f"blocks.{i}.attn.hook_pattern", see) for i in range(len(self.parts.weights))))
        return found

    def looks_at(self, layer: int, head: int) -> float:
        return self.looked[layer][:, head].float().mean().item()

    def raises(self, layer: int, head: int) -> float:
        z = self.writes.z[layer][self.rows, self.parts.prompts.end, head]
        largest = self._contribution(z @ self.parts.weights[layer].out[head]).argmax(1)
        year = (self.metric.answers == self.year[:, None]).int().argmax(1)
        return ((largest == year) | (largest == year + 1)).float().mean().item()

    def later_minus_others(self, layer: int) -> float:
        years = self._contribution(self.writes.mlp[layer][self.rows, self.parts.prompts.end])
        later, others = ((self.metric.signs == sign).to(years) for sign in (1, -1))
        means = [(years * group).sum(1) / group.sum(1) for group in (later, others)]
        return (means[0] - means[1]).mean().item()

    def _contribution(self, written: Float[Tensor, "batch d_model"]) -> Float[Tensor, "batch answer"]:
        """To the logits of the years."""
        scale = self.unembedding.scale(self.final[self.rows, self.parts.prompts.end])
        return scale * torch.einsum("bd,dba->ba", written, self.unembedding.weight[:, self.metric.answers])
