"""Path patching: what a head does along its paths to given receivers (METHODS f.1, f.2, after Wang et al.).

The sender is one head's z, taken from a run on other prompts. Everything else stays as on the clean prompts, except
what the sender reaches without passing through another head:

1. Runs A and B: the clean prompts, and the others (by default the corrupted ones).
2. Run C (`direct_paths`): all heads write as in A, the sender as in B. MLPs are recomputed, so that paths may pass
   through them; what the receivers then read is recorded.
3. Run D (`patched_run`): the clean prompts; the receivers read what was recorded, everything else runs freely.

With frozen MLPs there is no run C: the sender's change is added to what each receiver reads in run D, so that an
earlier receiver also acts upon a later one; with recorded inputs it does not. Senders at or after every receiver have
no path.

    effect = (mean metric patched - mean metric clean) / (mean metric clean - mean metric corrupted)

0 is no effect, -1 is as bad as the corrupted prompts, above 0 the sender was a hindrance. Senders of a layer run side
by side.
"""

from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import groupby
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from circuit_core.errors import CircuitError
from circuit_core.forward.batches import BatchCache, Footprint, fitting
from circuit_core.forward.residual_stream import Writes
from circuit_core.loaded_model import LoadedModel
from circuit_core.margins import rounding
from circuit_core.patching.direct_paths import DirectPaths, Receivers, rows
from circuit_core.patching.effects import Effects
from circuit_core.patching.model_parts import ModelParts
from circuit_core.patching.patched_run import PatchedRun
from circuit_core.tasks.prompts import PromptSet

Head = tuple[int, int]
"""(layer, head)."""
STACK = 2**23
"""Numbers in the widest activation of senders that run side by side."""


def path_patching(
    model: LoadedModel,
    prompts: PromptSet,
    receivers: str | Iterable[str],
    senders: Literal["all"] | Iterable[Head] = "all",
    mlps_frozen: bool = False,
    positions: Literal["end"] | None = None,
    source: Int[Tensor, "batch pos"] | None = None,
) -> Effects:
    """Patch each sender by itself.

    Args:
        receivers: `logits`, or ports of heads such as `a9.h1<q>`, patched jointly.
        positions: where senders are patched: everywhere, or at END only.
        source: the prompts from which senders are taken; None for the corrupted ones.

    Raises:
        CircuitError: a head or port that does not exist, or receivers that no sender precedes.
    """
    return PathPatching(model, prompts)(receivers, senders, mlps_frozen, positions, source)


class PathPatching:
    """Path patching on one set of prompts, as many at a time as fit; what several uses share is run once for them."""

    def __init__(self, model: LoadedModel, prompts: PromptSet) -> None:
        self.prompts = prompts
        each = Footprint(model.bridge, prompts.clean.shape[1]).patching
        size = fitting(len(prompts), each, prompts.clean.device)
        self._parts = BatchCache(len(prompts), size, lambda rows: _Together(model, prompts[rows]))

    def __call__(
        self,
        receivers: str | Iterable[str],
        senders: Literal["all"] | Iterable[Head] = "all",
        mlps_frozen: bool = False,
        positions: Literal["end"] | None = None,
        source: Int[Tensor, "batch pos"] | None = None,
    ) -> Effects:
        """As `path_patching`."""
        to = receivers if isinstance(receivers, str) else list(receivers)
        heads = senders if isinstance(senders, str) else list(senders)

        def some(patching: _Together, rows: slice) -> Effects:
            return patching(to, heads, mlps_frozen, positions, None if source is None else source[rows])

        return Effects.joined(self._parts.each(some))

    @property
    def metric_clean(self) -> Float[Tensor, " batch"]:
        return torch.cat(self._parts.each(lambda patching, rows: patching.parts.clean.metric))


class _Together:
    """Path patching on prompts that are in memory together."""

    def __init__(self, model: LoadedModel, prompts: PromptSet) -> None:
        self.graph, self.prompts, self.parts = model.graph, prompts, ModelParts(model, prompts)

    @torch.no_grad()
    def __call__(
        self,
        receivers: str | Iterable[str],
        senders: Literal["all"] | Iterable[Head] = "all",
        mlps_frozen: bool = False,
        positions: Literal["end"] | None = None,
        source: Int[Tensor, "batch pos"] | None = None,
    ) -> Effects:
        to = Receivers.parse(receivers, self.graph)
        heads = self._senders(senders, to)
        other, metric_other = self._corrupted if source is None else self.parts.run(source)
        tokens = self.prompts.corrupted if source is None else source
        changed = rows(self.prompts, tokens, end_only=positions == "end" or not to.ports)
        paths = DirectPaths(self.parts, other, changed, mlps_frozen)
        patched, attention = self._without_path(heads, to)
        for layer, some in self._stacks(heads, to, len(changed[0])):
            run = PatchedRun(self.parts, to, paths.reached(layer, some, to), changed)
            patched[layer, some] = run.to_heads(mlps_frozen) if to.ports else run.to_logits()
            attention[:, layer, some] = run.attention.mean(1).to(attention.dtype)
        clean = self.parts.clean
        looks = dict(zip(self.prompts.positions, attention, strict=True)) if to.ports else {}
        before = {name: clean.attention[i, *to.index].mean(0).to(attention.dtype) for i, name in enumerate(looks)}
        exact_to = rounding(clean.stream[0].dtype)
        return Effects(patched, clean.metric, metric_other, looks, before, exact_to)

    @cached_property
    def _corrupted(self) -> tuple[Writes, Float[Tensor, " batch"]]:
        return self.parts.run(self.prompts.corrupted)

    def _senders(self, senders: Literal["all"] | Iterable[Head], to: Receivers) -> list[Head]:
        """Ascending. Raises: CircuitError."""
        n_layers, n_heads = self.graph.n_layers, self.graph.n_heads
        every = [(layer, head) for layer in range(n_layers) for head in range(n_heads)]
        asked = every if isinstance(senders, str) else sorted(set(senders))
        if unknown := sorted(set(asked) - set(every)):
            layer, head = unknown[0]
            raise CircuitError(f"There is no head a{layer}.h{head} in a model of {n_layers} layers x {n_heads} heads.")
        if all(layer >= to.layers[-1] for layer, _ in asked):
            raise CircuitError(f"No sender precedes {to}: name logits, or heads of a later layer than a sender's.")
        return asked

    def _without_path(
        self, heads: list[Head], to: Receivers
    ) -> tuple[Float[Tensor, "layer head batch"], Float[Tensor, "name layer head batch"]]:
        """The clean run's values for the senders, NaN for other heads."""
        clean, graph = self.parts.clean, self.graph
        none = clean.metric.new_full((graph.n_layers, graph.n_heads), torch.nan)
        for layer, head in heads:
            none[layer, head] = 0
        attention = clean.attention[:, *to.index].mean(1)
        return none[..., None] + clean.metric, none[..., None] + attention[:, None, None]

    def _stacks(self, heads: list[Head], to: Receivers, n_rows: int) -> Iterator[tuple[int, list[int]]]:
        """Senders with a path, of one layer at a time and as many as fit."""
        each = (self.prompts.clean.numel() if to.ports else n_rows) * 4 * self.parts.bridge.cfg.d_model
        for layer, of_layer in groupby(heads, key=lambda head: head[0]):
            some = [head for _, head in of_layer] if n_rows and layer < to.layers[-1] else []
            size = max(1, STACK // max(1, each))
            for first in range(0, len(some), size):
                yield layer, some[first : first + size]
