"""What every analysis of a task starts from: token ids of both runs, where to read the answer, and the metric."""

from dataclasses import dataclass, field

import torch
from jaxtyping import Int
from torch import Tensor

from circuit_core.tasks.metrics import Metric


@dataclass(frozen=True, eq=False)
class PromptSet:
    """Pairs of prompts of equal token length, right-padded; positions past `end` never matter (causal attention)."""

    name: str
    clean: Int[Tensor, "batch pos"]
    corrupted: Int[Tensor, "batch pos"]
    end: Int[Tensor, " batch"]
    """Position at which the answer is read."""
    metric: Metric
    positions: dict[str, Int[Tensor, " batch"]] = field(default_factory=dict)
    """Named positions, for instance `IO`, `S1`, `S2`."""
    texts: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.clean)

    def to(self, device: torch.device) -> "PromptSet":
        positions = {k: v.to(device) for k, v in self.positions.items()}
        moved = (self.clean.to(device), self.corrupted.to(device), self.end.to(device), self.metric.to(device))
        return PromptSet(self.name, *moved, positions, self.texts)

    def __getitem__(self, rows: slice | list[int]) -> "PromptSet":
        positions = {k: v[rows] for k, v in self.positions.items()}
        part = (self.clean[rows], self.corrupted[rows], self.end[rows], self.metric[rows])
        texts = self.texts[rows] if isinstance(rows, slice) else tuple(self.texts[i] for i in rows if self.texts)
        return PromptSet(self.name, *part, positions, texts)

    @property
    def first_difference(self) -> int:
        """First position at which any pair differs: before it both runs are the same. `pos` if none differs."""
        differs = (self.clean != self.corrupted).any(0).nonzero()
        return int(differs[0]) if len(differs) else self.clean.shape[1]


def pad(rows: list[list[int]]) -> tuple[Int[Tensor, "batch pos"], Int[Tensor, " batch"]]:
    """Right-pad with id 0; also the last position of each row."""
    width = max(map(len, rows))
    ids = torch.tensor([row + [0] * (width - len(row)) for row in rows])
    return ids, torch.tensor([len(row) - 1 for row in rows])
