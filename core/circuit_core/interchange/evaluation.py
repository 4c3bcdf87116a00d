"""Run a circuit: everything outside it is corrupted (interchange evaluation, METHODS c.4).

The corrupted run is made once. In a mixed run on the clean prompts every reader gets

    r_v = r'_v + sum over sources u with (u->v) in the circuit of (z~_u - z'_u)

where primes are the corrupted run and z~_u is what u writes in the mixed run: edges in the circuit carry the current
activation, all others the corrupted one. Readers sit before their layer norms and the residual stream is an exact sum,
so this is exact. `required_nodes` says what is computed and where, `mixed_run` how.

What a circuit does on one prompt does not depend on the others: `Evaluation` takes any number of prompts, as many at a
time as fit in memory, and joins the metrics of an `Interchange` of each part.
"""

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from circuit_core.forward.batches import BatchCache, Footprint, fitting
from circuit_core.forward.readout import Readout
from circuit_core.interchange.activation_cache import ActivationCache
from circuit_core.interchange.mixed_run import MixedRun
from circuit_core.interchange.required_nodes import clean_nodes
from circuit_core.loaded_model import LoadedModel
from circuit_core.tasks.prompts import PromptSet


class Interchange:
    """Evaluates circuits of one model on one set of prompts."""

    def __init__(self, model: LoadedModel, prompts: PromptSet) -> None:
        self.model, self.graph, self.prompts = model, model.graph, prompts
        self.basis = ActivationCache(model, prompts)
        self.clean, self.corrupted = self.basis.clean, self.basis.corrupted
        self.answer = Readout(model.bridge, prompts.metric)

    @torch.no_grad()
    def metrics(self, masks: Bool[np.ndarray, "circuit src port"]) -> Float[Tensor, "circuit batch"]:
        """The metric of each circuit, per example: the corrupted run's if empty, the clean run's if clean."""
        empty, clean = ~masks[:, :, -1].any(1), clean_nodes(masks, self.graph)[:, -1]
        found = torch.where(torch.from_numpy(clean).to(self.clean.device)[:, None], self.clean, self.corrupted)
        todo, abreast = np.flatnonzero(~empty & ~clean), self.basis.abreast
        parts = [todo[i : i + abreast] for i in range(0, len(todo), abreast)]
        if parts:
            found[todo] = self.answer(torch.cat([MixedRun(self.basis, masks[part]).into_logits() for part in parts]))
        return found

    @torch.no_grad()
    def clean_by_parts(self) -> Float[Tensor, "batch d_model"]:
        """The residual stream at the answers in the full circuit, every node computed anew: the clean run's, up to what
        norms do not see."""
        return MixedRun(self.basis, self.graph.real[None], anew=True).into_logits()[0]


class Evaluation:
    """An `Interchange` for any number of prompts. Raises: CircuitError, if not even one prompt fits."""

    def __init__(self, model: LoadedModel, prompts: PromptSet) -> None:
        self.graph = model.graph
        each = Footprint(model.bridge, prompts.clean.shape[1]).evaluation
        size = fitting(len(prompts), each, prompts.clean.device)
        self._runs = BatchCache(len(prompts), size, lambda rows: Interchange(model, prompts[rows]))
        self.clean, self.corrupted = self._joined(lambda run: torch.stack([run.clean, run.corrupted]))

    def metrics(self, masks: Bool[np.ndarray, "circuit src port"]) -> Float[Tensor, "circuit batch"]:
        """As those of `Interchange`."""
        return self._joined(lambda run: run.metrics(masks))

    def _joined(self, work: Callable[[Interchange], Tensor]) -> Float[Tensor, "row batch"]:
        return torch.cat(self._runs.each(lambda run, rows: work(run)), 1)
