"""Evaluate circuits on prompts that may not fit in memory together: then fewer at a time, and their metrics joined.

What a circuit does on one prompt does not depend on the others, so an `Interchange` of some prompts gives their metrics
as one of all does.
"""

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from transformer_lens.model_bridge import TransformerBridge

from circuit_core.forward.batches import InTurn, fitting
from circuit_core.forward.memory import Footprint
from circuit_core.graph import Graph
from circuit_core.interchange.interchange import Interchange
from circuit_core.tasks.prompts import PromptSet


class Evaluation:
    """An `Interchange` for any number of prompts. Raises: CircuitError, if not even one prompt fits."""

    def __init__(self, bridge: TransformerBridge, graph: Graph, prompts: PromptSet) -> None:
        self.graph = graph
        each = Footprint(bridge, prompts.clean.shape[1]).evaluation
        size = fitting(len(prompts), each, prompts.clean.device)
        self._runs = InTurn(len(prompts), size, lambda rows: Interchange(bridge, graph, prompts[rows]))
        self.clean, self.corrupted = self._joined(lambda run: torch.stack([run.clean, run.corrupted]))

    def metrics(self, masks: Bool[np.ndarray, "circuit src port"]) -> Float[Tensor, "circuit batch"]:
        """As those of `Interchange`."""
        return self._joined(lambda run: run.metrics(masks))

    def _joined(self, work: Callable[[Interchange], Tensor]) -> Float[Tensor, "row batch"]:
        return torch.cat(self._runs.each(lambda run, rows: work(run)), 1)
