"""What every analysis of a task starts from: token ids of both runs, where to read the answer, and the metric.

A task makes pairs of prompts one by one, as lists of tokens; together they become a `PromptSet` of tensors.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from circuit_core.errors import TaskError
from circuit_core.tasks.metrics import LogitDifference, Metric, OwnMetric, ProbabilityDifference


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
    left_out: tuple[str, ...] = ()
    """Words, sentences and years of the task that this tokenizer cannot express."""

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


@dataclass(frozen=True)
class PromptPair:
    """One example: both prompts, as many tokens each, read at their last one."""

    clean: list[int]
    corrupted: list[int]
    correct: list[int]
    wrong: list[int]
    text: str
    positions: dict[str, int] = field(default_factory=dict)
    stratum: int | None = None
    frame: str | None = None

    def after(self, token: int) -> "PromptPair":
        """With a token put first, which moves the named positions along."""
        moved = {name: at + 1 for name, at in self.positions.items()}
        return replace(self, clean=[token, *self.clean], corrupted=[token, *self.corrupted], positions=moved)


def difference(clean: list[int], corrupted: list[int]) -> int:
    """First position at which two prompts differ."""
    return next(i for i, (a, b) in enumerate(zip(clean, corrupted, strict=True)) if a != b)


def prompt_set(name: str, metric: str, pairs: list[PromptPair], pool: int | None = None) -> PromptSet:
    """All examples as tensors. `logit_diff` takes the first correct and the first wrong answer."""
    clean, end = pad([p.clean for p in pairs])
    corrupted, _ = pad([p.corrupted for p in pairs])
    if metric == LogitDifference.name:
        correct, wrong = (
            torch.tensor(first) for first in zip(*((p.correct[0], p.wrong[0]) for p in pairs), strict=True)
        )
        answers = LogitDifference(correct, wrong)
    else:
        tokens, _ = pad([p.correct + p.wrong for p in pairs])
        signs = [[1.0] * len(p.correct) + [-1.0] * len(p.wrong) for p in pairs]
        width = tokens.shape[1]
        answers = ProbabilityDifference(tokens, torch.tensor([s + [0.0] * (width - len(s)) for s in signs]))
    positions = {who: torch.tensor([p.positions[who] for p in pairs]) for who in pairs[0].positions}
    texts = tuple(p.text for p in pairs)
    strata = tuple(p.stratum for p in pairs if p.stratum is not None)
    frames = tuple(p.frame for p in pairs if p.frame is not None)
    return PromptSet(name, clean, corrupted, end, answers, positions, texts, strata, frames, pool)


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
