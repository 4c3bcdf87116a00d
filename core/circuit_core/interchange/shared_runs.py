"""What all mixed runs on one set of prompts rest on: both runs, the weights as used, and memory for changes."""

from functools import cached_property

from jaxtyping import Float
from torch import Tensor
from transformer_lens.model_bridge import TransformerBridge

from circuit_core.forward import positions
from circuit_core.forward.residual_stream import Weights
from circuit_core.graph import Graph
from circuit_core.interchange.activation_cache import Background, record
from circuit_core.interchange.head_inputs import Into
from circuit_core.interchange.required_nodes import ANSWER, EVERYWHERE
from circuit_core.tasks.prompts import PromptSet

ABREAST = 2**22
"""Numbers that the changes of all sources may hold together: few enough to stay near the processor."""


class Basis:
    """Of one model; `clean` and `corrupted` are the metrics of the two runs, float [batch]."""

    def __init__(self, bridge: TransformerBridge, graph: Graph, prompts: PromptSet) -> None:
        self.bridge, self.graph = bridge, graph
        weights = [Weights(bridge, layer) for layer in range(graph.n_layers)]
        self.centred = _centred if weights[0].norm.centres else _as_it_is
        """Without what norms that centre do not see. No method, for what points back here outlives its use."""
        runs = record(bridge, graph, prompts)
        self.clean, self.corrupted = runs.clean, runs.corrupted
        self.attending = [runs.attending(layer, w.norm_of_queries_and_keys) for layer, w in enumerate(weights)]
        self.into, self.out = [Into(w) for w in weights], [self.centred(w.out) for w in weights]
        tail = positions.tail(prompts)
        self.at = {
            where: Background(runs, self.attending, span, self.centred)
            for where, span in ((ANSWER, positions.Answer(prompts.end)), (EVERYWHERE, tail))
        }
        self.answer_in_tail = positions.Answer(prompts.end - tail.start)
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


def _centred(x: Float[Tensor, "*rows d_model"]) -> Float[Tensor, "*rows d_model"]:
    return x - x.mean(-1, keepdim=True)


def _as_it_is(x: Float[Tensor, "*rows d_model"]) -> Float[Tensor, "*rows d_model"]:
    return x
