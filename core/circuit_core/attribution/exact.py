"""What corrupting one edge alone does cost: the model is run without it (METHODS b.4, c.4).

    S(u->v) = loss of the full graph minus u->v  -  loss of the clean run

by interchange evaluation, which leaves no estimate. A source's own score is the cost of corrupting all edges out of it
together. Every edge and every source takes a forward pass over all prompts, and there are the clean and the corrupted
run: say before you start how many that is.
"""

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from circuit_core.forward.batches import Footprint, fitting, in_batches
from circuit_core.interchange.evaluation import Interchange
from circuit_core.loaded_model import LoadedModel
from circuit_core.tasks.prompts import PromptSet


def losses(
    model: LoadedModel, prompts: PromptSet, kept: Bool[np.ndarray, "src port"] | None = None
) -> tuple[Float[Tensor, "src port_or_all"], Float[Tensor, "batch edge"]]:
    """Rise of the loss without each edge, summed over prompts; in the last column without all edges of the source.

    Besides, of the edges `kept` (by source, then port) the rise of each prompt.
    """
    graph = model.graph
    kept = np.zeros_like(graph.real) if kept is None else kept
    found = prompts.clean.new_zeros(graph.n_sources, graph.n_ports + 1, dtype=torch.float32)
    if torch.equal(prompts.clean, prompts.corrupted):
        return found, found.new_zeros(len(prompts), kept.sum())
    run = Interchange(model, prompts)
    sources, ports = np.nonzero(np.pad(graph.real, ((0, 0), (0, 1)), constant_values=True))

    def work(some: slice) -> Float[Tensor, "circuit batch"]:
        masks = np.repeat(graph.real[None], some.stop - some.start, 0)
        for mask, source, port in zip(masks, sources[some], ports[some], strict=True):
            # The port behind the last stands for all edges out of the source.
            mask[source, port if port < graph.n_ports else slice(None)] = False
        return run.clean - run.metrics(masks)

    each = len(prompts) * Footprint(model.bridge, prompts.clean.shape[1]).exact
    size = fitting(len(sources), each, prompts.clean.device)
    rises = torch.cat(list(in_batches(len(sources), size, work, of="edge")))
    found[sources, ports] = rises.sum(1)
    return found, rises[torch.as_tensor(np.pad(kept, ((0, 0), (0, 1)))[sources, ports])].T
