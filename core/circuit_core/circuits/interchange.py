"""Run a circuit: everything outside it is corrupted (interchange evaluation, METHODS c.4).

The corrupted run is made once. In a mixed run on the clean prompts every reader gets

    r_v = r'_v + sum over sources u with (u->v) in the circuit of (z~_u - z'_u)

where primes are the corrupted run and z~_u is what u writes in the mixed run: edges in the circuit carry the current
activation, all others the corrupted one. Readers sit before their layer norms and the residual stream is an exact sum,
so this is exact. What is computed of it, and where, `needs` says; how, `mixed`.
"""

from functools import cached_property

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from transformer_lens.model_bridge import TransformerBridge

from circuit_core.circuits import spans
from circuit_core.circuits.answering import Answering
from circuit_core.circuits.background import Background, record
from circuit_core.circuits.mixed import MixedRun
from circuit_core.circuits.needs import ANSWER, EVERYWHERE, clean_nodes
from circuit_core.circuits.reading import Into
from circuit_core.circuits.residual import Weights
from circuit_core.graph import Graph
from circuit_core.tasks.prompts import PromptSet

ABREAST = 2**22
"""Numbers that the changes of all sources may hold together: few enough to stay near the processor."""


class Interchange:
    """Evaluates circuits of one model on one set of prompts."""

    def __init__(self, bridge: TransformerBridge, graph: Graph, prompts: PromptSet) -> None:
        self.bridge, self.graph, self.prompts = bridge, graph, prompts
        weights = [Weights(bridge, layer) for layer in range(graph.n_layers)]
        self.centres = weights[0].norm.centres
        runs = record(bridge, graph, prompts)
        self.clean, self.corrupted = runs.clean, runs.corrupted
        self.answer = Answering(bridge, prompts.metric)
        self.attending = [runs.attending(layer) for layer in range(graph.n_layers)]
        self.into, self.out = [Into(w) for w in weights], [self.centred(w.out) for w in weights]
        tail = spans.tail(prompts)
        self.at = {
            where: Background(runs, self.attending, span, self.centred)
            for where, span in ((ANSWER, spans.Answer(prompts.end)), (EVERYWHERE, tail))
        }
        self.answer_in_tail = spans.Answer(prompts.end - tail.start)
        self._room: dict[int, Tensor] = {}

    def centred(self, x: Float[Tensor, "*rows d_model"]) -> Float[Tensor, "*rows d_model"]:
        """Without what norms that centre do not see."""
        return x - x.mean(-1, keepdim=True) if self.centres else x

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

    @torch.no_grad()
    def metrics(self, masks: Bool[np.ndarray, "circuit src port"]) -> Float[Tensor, "circuit batch"]:
        """The metric of each circuit, per example: the corrupted run's if empty, the clean run's if clean."""
        empty, clean = ~masks[:, :, -1].any(1), clean_nodes(masks, self.graph)[:, -1]
        found = torch.where(torch.from_numpy(clean).to(self.clean.device)[:, None], self.clean, self.corrupted)
        todo = np.flatnonzero(~empty & ~clean)
        parts = [todo[i : i + self.abreast] for i in range(0, len(todo), self.abreast)]
        if parts:
            found[todo] = self.answer(torch.cat([MixedRun(self, masks[part]).into_logits() for part in parts]))
        return found
