"""How well a task is done, per example, from the logits at the answer position; higher is better (METHODS d.5)."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Metric:
    """`logit_diff`: the correct answer's logit minus the wrong one's."""

    correct: Int[Tensor, " batch"]
    wrong: Int[Tensor, " batch"]
    name: str = "logit_diff"

    def __call__(self, logits: Float[Tensor, "batch vocab"]) -> Float[Tensor, " batch"]:
        rows = torch.arange(len(logits), device=logits.device)
        return (logits[rows, self.correct] - logits[rows, self.wrong]).float()

    def to(self, device: torch.device) -> "Metric":
        return Metric(self.correct.to(device), self.wrong.to(device), self.name)

    def __getitem__(self, rows: slice) -> "Metric":
        return Metric(self.correct[rows], self.wrong[rows], self.name)
