"""The positions at which a run is recomputed: from the first difference of the prompts on, or at the answer alone.

Before the first position at which any clean and corrupted prompt differ both runs are the same, whatever the circuit.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Int, Shaped
from torch import Tensor

from circuit_core.tasks.prompts import PromptSet


@dataclass(frozen=True)
class TailPositions:
    """All positions from one on."""

    start: int

    def take(self, x: Shaped[Tensor, "batch all *rest"]) -> Shaped[Tensor, "batch pos *rest"]:
        return x[:, self.start :]


@dataclass(frozen=True)
class AnswerPosition:
    """One position of every example."""

    index: Int[Tensor, " batch"]

    def take(self, x: Shaped[Tensor, "batch all *rest"]) -> Shaped[Tensor, "batch one *rest"]:
        return x[torch.arange(len(x), device=x.device), self.index][:, None]


Span = TailPositions | AnswerPosition


def tail(prompts: PromptSet) -> TailPositions:
    """From the first position on at which the runs can differ, all answers included."""
    return TailPositions(min(prompts.first_difference, int(prompts.end.min())))
