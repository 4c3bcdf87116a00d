"""Runs of the model that edge attribution is made of, for one batch of prompts, and the scores that they give.

    S(u->v) = sum over positions of  (z'_u - z_u) . g_v

Before the first position at which the prompts differ all differences are zero, so those positions are left out.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from circuit_core.attribution.gradients import GradientSum, Hook
from circuit_core.attribution.score_sum import ScoreSum
from circuit_core.forward.residual_stream import Recorder, Weights, Writes, end_rows, stack
from circuit_core.graph import PORTS
from circuit_core.loaded_model import LoadedModel
from circuit_core.tasks.prompts import PromptSet

PART = 2**23
"""Floats of differences and gradients that are multiplied at once."""


class Passes:
    """One batch of prompts, and the model that reads it; `kept` are edges of which each prompt's score is kept."""

    def __init__(
        self,
        model: LoadedModel,
        prompts: PromptSet,
        kept: Bool[np.ndarray, "src port"] | None = None,
    ) -> None:
        self.model, self.prompts, self.kept = model, prompts, kept
        self.bridge, self.graph = model.bridge, model.graph
        self.start = min(prompts.first_difference, prompts.clean.shape[1] - 1)
        self.weights = [Weights(self.bridge, layer) for layer in range(self.graph.n_layers)]

    def embedded(self, tokens: Tensor) -> Float[Tensor, "batch pos d_model"]:
        return self.bridge.embed(tokens)[:, self.start :]

    def gradients(self, passes: int, source: int = 0) -> GradientSum:
        """An empty sum over so many passes of the gradients at the readers of `source` and of all after it."""
        return GradientSum(self.model, self.embedded(self.prompts.clean), passes, source)

    def recorder(self) -> Recorder:
        return Recorder(self.graph.n_layers, self.start)

    @torch.no_grad()
    def writes(self, tokens: Tensor) -> Writes:
        """What every source writes in a plain run; no row is unembedded."""
        recorder = self.recorder()
        with self.bridge.hooks(fwd_hooks=[*recorder.hooks, end_rows(self.prompts.end[:0])]):
            self.bridge(tokens)
        return recorder.writes

    def backward(self, name: str, written: Tensor, gradients: GradientSum, beside: Sequence[Hook] = ()) -> None:
        """Run the clean prompts, but with `written` at the hook `name`, and add the gradients of the loss."""
        leaf = written.detach().requires_grad_(True)

        def overwrite(tensor: Tensor, hook: Any) -> Tensor:
            return torch.cat([tensor[:, : self.start], leaf], 1)

        hooks = [(name, overwrite), *beside, *gradients.hooks, end_rows(self.prompts.end)]
        with self.bridge.hooks(fwd_hooks=hooks):
            loss = -self.prompts.metric(self.bridge(self.prompts.clean)[:, 0]).sum()
            torch.autograd.grad(loss, [leaf, *gradients.ends.values()])

    def scores(self) -> ScoreSum:
        """An empty sum of the scores of this batch."""
        return ScoreSum(self.graph, len(self.prompts), self.prompts.clean.device, self.kept)

    def between_embeddings(self, alphas: Sequence[float]) -> ScoreSum:
        """Scores of all edges by the gradient at these points of the line between the token embeddings, summed.

        The point 1 is the clean run, the point 0 the corrupted one.
        """
        tokens = {0.0: self.prompts.corrupted, 1.0: self.prompts.clean}
        gradients, corrupted, clean = self.gradients(len(alphas)), *map(self.embedded, tokens.values())
        written = {end: self.writes(tokens[end]) for end in tokens if end not in alphas}
        for alpha in alphas:
            recorder = self.recorder() if alpha in tokens else None
            between = torch.lerp(corrupted, clean, alpha)
            self.backward("hook_embed", between, gradients, recorder.hooks if recorder else ())
            if recorder:
                written[alpha] = recorder.writes
        return self.all_scores(written[1.0], written[0.0], gradients)

    def all_scores(self, clean: Writes, corrupted: Writes, gradients: GradientSum) -> ScoreSum:
        """Scores of all edges, computed for some prompts at a time."""
        n, width = clean.embed.shape[0], clean.embed[0].numel()
        size = max(1, PART // (width * (self.graph.n_sources + 2 * len(PORTS) * self.graph.n_heads)))
        total = self.scores()
        for first in range(0, n, size):
            rows = slice(first, first + size)
            differences = stack(corrupted[rows], clean[rows], self.weights, self.graph)
            total.add(products(differences, gradients, rows), rows)
        return total


def products(
    differences: Float[Tensor, "src batch pos d_model"], gradients: GradientSum, rows: slice, first: int = 0
) -> Float[Tensor, "batch src port"]:
    """Scores of the sources from `first` on, of the prompts in `rows`, to which the differences belong."""
    graph, flat = gradients.graph, differences.transpose(0, 1).flatten(2)
    scores = flat.new_zeros(*flat.shape[:2], graph.n_ports)
    for ports, gradient in gradients.at_readers(rows):
        n = int(graph.preceding[ports.start]) - first
        scores[:, :n, ports] = flat[:, :n] @ gradient.transpose(0, 1).flatten(2).mT
    return scores
