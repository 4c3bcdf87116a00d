"""What every analysis of a task starts from: token ids of both runs, where to read the answer, and the metric."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from circuit_core.errors import TaskError
from circuit_core.tasks.metrics import Metric, OwnMetric


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
    strata: tuple[int, ...] = ()
    """Of each prompt, which of the kinds that the task balances it is; empty for a user's file, which balances none."""
    frames: tuple[str, ...] = ()
    """Of each prompt, the kind of its sentence, where a task has several that bear names."""
    pool: int | None = None
    """How many different prompts the task has for this tokenizer; None for a user's file."""

    def __len__(self) -> int:
        return len(self.clean)

    def to(self, device: torch.device) -> "PromptSet":
        return replace(
            self,
            clean=self.clean.to(device),
            corrupted=self.corrupted.to(device),
            end=self.end.to(device),
            metric=self.metric.to(device),
            positions={k: v.to(device) for k, v in self.positions.items()},
        )

    def __getitem__(self, rows: slice | list[int]) -> "PromptSet":
        return replace(
            self,
            clean=self.clean[rows],
            corrupted=self.corrupted[rows],
            end=self.end[rows],
            metric=self.metric[rows],
            positions={k: v[rows] for k, v in self.positions.items()},
            texts=_some(self.texts, rows),
            strata=_some(self.strata, rows),
            frames=_some(self.frames, rows),
        )

    @property
    def read(self) -> list[tuple[int, ...]]:
        """Token ids of each clean prompt, up to its end."""
        return [tuple(ids[: end + 1]) for ids, end in zip(self.clean.tolist(), self.end.tolist(), strict=True)]

    @property
    def first_difference(self) -> int:
        """First position at which any pair differs: before it both runs are the same. `pos` if none differs."""
        differs = (self.clean != self.corrupted).any(0).nonzero()
        return int(differs[0]) if len(differs) else self.clean.shape[1]


def _some(values: tuple, rows: slice | list[int]) -> tuple:
    """Those of some rows; none if there are none."""
    return values[rows] if isinstance(rows, slice) else tuple(values[i] for i in rows if values)


def pad(rows: list[list[int]]) -> tuple[Int[Tensor, "batch pos"], Int[Tensor, " batch"]]:
    """Right-pad with id 0; also the last position of each row."""
    width = max(map(len, rows))
    ids = torch.tensor([row + [0] * (width - len(row)) for row in rows])
    return ids, torch.tensor([len(row) - 1 for row in rows])


def own_prompts(
    clean: list[list[int]],
    corrupted: list[list[int]],
    metric: Callable[[Float[Tensor, "batch vocab"], Int[Tensor, " batch"]], Float[Tensor, " batch"]],
    name: str = "own",
) -> PromptSet:
    """Prompts and a metric of one's own, the answer read at the last token of each prompt.

    Args:
        clean: token ids of each prompt.
        corrupted: token ids of its other form, as many.
        metric: see `OwnMetric`: logits at the answers and the places of their prompts in, one value a prompt out.

    Raises:
        TaskError: no prompts, or two forms of unlike length.
    """
    lengths = [(len(one), len(other)) for one, other in zip(clean, corrupted, strict=False)]
    if not lengths or len(clean) != len(corrupted):
        raise TaskError(f"{len(clean)} clean and {len(corrupted)} corrupted prompts were given: give a pair of each.")
    for place, (one, other) in enumerate(lengths):
        if one != other or not one:
            raise TaskError(f"Prompt {place} has {one} clean and {other} corrupted tokens: give as many of both.")
    (ids, end), (others, _) = pad(clean), pad(corrupted)
    return PromptSet(name, ids, others, end, OwnMetric(metric, torch.arange(len(ids))))
