"""Whether a circuit does greater-than as known: heads look at the year, MLPs raise the later ones (METHODS h.9).

In "The war lasted from the year 1732 to the year 17" YY is 32. Where each digit is a token (METHODS l.13) the ten
digits stand for the years, and the tens digit, here 3, for YY. Of a circuit's MLPs that write to the logits, and of the
heads that write to such an MLP:

    head    share of prompts in which its largest attention from END is to YY
            share in which, of the 100 years, its own contribution to the logits is largest for YY or the year after
    MLP     its own contribution to the logits: mean over later years minus mean over the others (digits: the earlier,
            since the metric leaves out the digit itself)

A contribution is what a node writes at END, through the final norm's scale in that run and the unembedding. The largest
is one that exceeds all others by more than rounding can: attention by 1e-4, a contribution by 1e-4 of the largest
|logit| of the years in that prompt (METHODS l.1); of equal ones none is the largest.

Nothing is said of a model that does not do the task, of a circuit that does not reach its threshold (METHODS l.3), nor
of one without such an MLP.
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from circuit_core.circuits.faithfulness import undefined
from circuit_core.errors import TaskError
from circuit_core.forward.batches import Footprint, fitting, in_batches
from circuit_core.heads.unembedding import Unembedding
from circuit_core.loaded_model import LoadedModel
from circuit_core.margins import leads, margin
from circuit_core.patching.model_parts import ModelParts
from circuit_core.tasks.metrics import ProbabilityDifference
from circuit_core.tasks.prompts import PromptSet

NAMED = ("YY", "tens")
"""Positions by which prompts are of years: of the two digits, or of the first."""
NO_MLP = "no MLP of the circuit writes to the logits"
NOT_REACHED = "the circuit does not reach the threshold"


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
    """What was checked; `reason` says why there is nothing."""

    heads: list[YearHead] = field(default_factory=list)
    mlps: list[YearMLP] = field(default_factory=list)
    reason: str | None = None


@torch.no_grad()
def greater_than_check(model: LoadedModel, prompts: PromptSet, mask: np.ndarray) -> GreaterThan:
    """Check a circuit, bool [src, port].

    Raises:
        TaskError: the prompts do not say where YY stands, or their metric is not over years (see `ascending`).
        CircuitError: not even one prompt fits in memory.
    """
    ascending(prompts)
    graph = model.graph
    mlps = [layer for layer in range(graph.n_layers) if mask[graph.mlp(layer), graph.logits]]
    every = [(layer, head) for layer in range(graph.n_layers) for head in range(graph.n_heads)]
    heads = [at for at in every if any(mask[graph.head(*at), graph.mlp_port(layer)] for layer in mlps)]

    def work(rows: slice) -> tuple[Float[Tensor, " batch"], Float[Tensor, " figure"]]:
        years = _Years(ModelParts(model, prompts[rows]), ascending(prompts[rows]))
        return years.parts.clean.metric, years.figures(heads, mlps)

    size = fitting(len(prompts), Footprint(model.bridge, prompts.clean.shape[1]).patching, prompts.clean.device)
    parts = list(in_batches(len(prompts), size, work))
    if reason := undefined(torch.cat([metric for metric, _ in parts])):
        return GreaterThan(reason=reason)
    mean = torch.stack([figures * (len(metric) / len(prompts)) for metric, figures in parts]).sum(0)
    looks, raises, later = (part.tolist() for part in mean.split([len(heads), len(heads), len(mlps)]))
    found = [YearHead(*at, *of) for at, *of in zip(heads, looks, raises, strict=True)]
    return GreaterThan(found, [YearMLP(*of) for of in zip(mlps, later, strict=True)], None if mlps else NO_MLP)


class Ascending(NamedTuple):
    """The years of prompts."""

    tokens: Int[Tensor, "batch year"]
    sign: Float[Tensor, "batch year"]
    """As the metric counts them: later 1, others -1, left out 0."""
    place: Int[Tensor, " batch"]
    """Of YY among them."""
    asked: Int[Tensor, " batch"]
    """The position of YY."""


def ascending(prompts: PromptSet) -> Ascending:
    """The wrong answers are the years up to YY and end with it, the correct ones those after it, each kind ascending.

    Of digits (position `tens`) YY itself is no answer.

    Raises:
        TaskError: they are not, or the position of YY is not given.
    """
    metric, asked = prompts.metric, next((prompts.positions[n] for n in NAMED if n in prompts.positions), None)
    if asked is not None and isinstance(metric, ProbabilityDifference) and bool((metric.signs != 0).all()):
        rows, tokens, sign = torch.arange(len(asked), device=asked.device), metric.answers, metric.signs
        year = prompts.clean[rows, asked]
        if "YY" not in prompts.positions and not (tokens == year[:, None]).any():
            tokens = torch.cat([year[:, None], tokens], 1)
            sign = torch.cat([sign.new_zeros(len(rows), 1), sign], 1)
        sign, order = sign.sort(dim=1, stable=True)
        found = Ascending(tokens.gather(1, order), sign, (sign <= 0).sum(1) - 1, asked)
        if torch.equal(found.tokens[rows, found.place], year):
            return found
    raise TaskError(
        f"{prompts.name} is not a task of years: give the position of YY, as wrong answers the years up to YY, and as "
        "correct ones those after it, ascending."
    )


class _Years:
    """One clean run, and what its nodes say about years."""

    def __init__(self, parts: ModelParts, years: Ascending) -> None:
        self.parts, self.years, prompts = parts, years, parts.prompts
        self.rows = torch.arange(len(prompts), device=prompts.clean.device)
        self.writes, self.final, self.looked = parts.clean.writes, parts.clean.stream[-1], self._looked()
        self.unembedding = Unembedding(parts.bridge)
        logits = self._contribution(self.final[self.rows, prompts.end]) + self.unembedding.bias[years.tokens]
        self.margin = margin(logits.dtype) * logits.abs().amax(1)

    def _looked(self) -> list[Bool[Tensor, "batch head"]]:
        """By layer, whether the largest attention from END is to YY."""
        prompts, found = self.parts.prompts, []

        def see(pattern: Tensor, hook: Any) -> None:
            from_end = pattern[self.rows, :, prompts.end].float()
            year = torch.arange(from_end.shape[-1], device=from_end.device) == self.years.asked[:, None]
            found.append(leads(from_end, year[:, None], margin(pattern.dtype)))

        self.parts.run(prompts.clean, *((f"blocks.{i}.attn.hook_pattern", see) for i in range(len(self.parts.weights))))
        return found

    def figures(self, heads: list[tuple[int, int]], mlps: list[int]) -> Float[Tensor, " figure"]:
        """Means over prompts: where heads look, what they raise, what MLPs raise."""
        looks, raises = ([of(*at) for at in heads] for of in (self.looks_at, self.raises))
        return torch.tensor([*looks, *raises, *map(self.later_minus_others, mlps)], dtype=torch.float64)

    def looks_at(self, layer: int, head: int) -> float:
        return self.looked[layer][:, head].double().mean().item()

    def raises(self, layer: int, head: int) -> float:
        z = self.writes.z[layer][self.rows, self.parts.prompts.end, head]
        after = torch.arange(self.years.tokens.shape[1], device=z.device) - self.years.place[:, None]
        years = self._contribution(z @ self.parts.weights[layer].out[head])
        return leads(years, (after == 0) | (after == 1), self.margin).double().mean().item()

    def later_minus_others(self, layer: int) -> float:
        years = self._contribution(self.writes.mlp[layer][self.rows, self.parts.prompts.end])
        groups = self.years.sign > 0, self.years.sign < 0
        later, others = ((years * group).sum(1) / group.sum(1) for group in groups)
        return (later - others).mean().item()

    def _contribution(self, written: Float[Tensor, "batch d_model"]) -> Float[Tensor, "batch year"]:
        """To the logits of the years."""
        scale = self.unembedding.scale(self.final[self.rows, self.parts.prompts.end])
        return scale * torch.einsum("bd,dba->ba", written, self.unembedding.weight[:, self.years.tokens])
