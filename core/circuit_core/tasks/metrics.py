"""How well a task is done, per example, from the logits at the answer position; higher is better (METHODS d.5)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor

from circuit_core.margins import largest, rounding, settled


def at_least_single(values: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """Half precision as float32, so that differences keep what it holds; all else as it is."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


@dataclass(frozen=True)
class LogitDifference:
    """The correct answer's logit minus the wrong one's; logits of half precision are subtracted in float32."""

    correct: Int[Tensor, " batch"]
    wrong: Int[Tensor, " batch"]
    name: ClassVar[str] = "logit_diff"

    def __call__(self, logits: Float[Tensor, "batch vocab"]) -> Float[Tensor, " batch"]:
        rows = torch.arange(len(logits), device=logits.device)
        correct, wrong = (at_least_single(logits[rows, answer]) for answer in (self.correct, self.wrong))
        return (correct - wrong).float()

    def measured(self, logits: Float[Tensor, "batch vocab"]) -> Float[Tensor, " batch"]:
        """As called, and zero where answers are equal but for rounding: 1e-5 of the largest |logit| (METHODS l.1)."""
        return settled(self(logits), rounding(logits.dtype) * largest(logits).float())

    @property
    def tokens(self) -> Int[Tensor, " answer"]:
        """All answers."""
        return torch.cat([self.correct, self.wrong])

    def to(self, device: torch.device) -> "LogitDifference":
        return LogitDifference(self.correct.to(device), self.wrong.to(device))

    def __getitem__(self, rows: slice | list[int]) -> "LogitDifference":
        return LogitDifference(self.correct[rows], self.wrong[rows])


@dataclass(frozen=True)
class ProbabilityDifference:
    """Summed probability of the correct answers minus that of the wrong ones, over the whole vocabulary: -1 to 1."""

    answers: Int[Tensor, "batch answer"]
    signs: Float[Tensor, "batch answer"]
    """1 for a correct answer, -1 for a wrong one, 0 for padding."""
    name: ClassVar[str] = "prob_diff"

    def __call__(self, logits: Float[Tensor, "batch vocab"]) -> Float[Tensor, " batch"]:
        return (logits.float().softmax(-1).gather(1, self.answers) * self.signs).sum(1)

    def measured(self, logits: Float[Tensor, "batch vocab"]) -> Float[Tensor, " batch"]:
        """As called, and zero where both sums are equal but for rounding: 1e-5 of the answers' probability, for the
        sums and for every unit of the largest |logit| (METHODS l.1)."""
        answers = (logits.float().softmax(-1).gather(1, self.answers) * self.signs.abs()).sum(1)
        return settled(self(logits), rounding(logits.dtype) * answers * (1 + largest(logits).float()))

    @property
    def tokens(self) -> Int[Tensor, " answer"]:
        """All answers."""
        return self.answers[self.signs != 0]

    def to(self, device: torch.device) -> "ProbabilityDifference":
        return ProbabilityDifference(self.answers.to(device), self.signs.to(device))

    def __getitem__(self, rows: slice | list[int]) -> "ProbabilityDifference":
        return ProbabilityDifference(self.answers[rows], self.signs[rows])


@dataclass(frozen=True)
class OwnMetric:
    """A metric of one's own: any function of logits to one value a prompt, by which higher is better.

    It is called with the logits of some of the prompts at their answer positions and with the places of those prompts
    in the set, for answers that lie beside it; gradients pass through it, and no value depends on other prompts.
    """

    function: Callable[[Float[Tensor, "batch vocab"], Int[Tensor, " batch"]], Float[Tensor, " batch"]]
    places: Int[Tensor, " batch"]
    name: ClassVar[str] = "own"

    def __call__(self, logits: Float[Tensor, "batch vocab"]) -> Float[Tensor, " batch"]:
        return self.function(logits, self.places)

    def measured(self, logits: Float[Tensor, "batch vocab"]) -> Float[Tensor, " batch"]:
        """As called: what rounding decides, only the function knows."""
        return self(logits)

    @property
    def tokens(self) -> Int[Tensor, " answer"]:
        """None that is known of."""
        return self.places.new_empty(0)

    def to(self, device: torch.device) -> "OwnMetric":
        return OwnMetric(self.function, self.places.to(device))

    def __getitem__(self, rows: slice | list[int]) -> "OwnMetric":
        return OwnMetric(self.function, self.places[rows])


Metric = LogitDifference | ProbabilityDifference | OwnMetric
METRICS = (LogitDifference.name, ProbabilityDifference.name)
