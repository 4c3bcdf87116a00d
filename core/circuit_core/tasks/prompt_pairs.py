"""Pairs of prompts as lists of tokens, as a task makes them one by one; together they become a `PromptSet`."""

from dataclasses import dataclass, field

import torch

from circuit_core.tasks.metrics import LogitDifference, Metric, ProbabilityDifference
from circuit_core.tasks.prompts import PromptSet, pad


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


def difference(clean: list[int], corrupted: list[int]) -> int:
    """First position at which two prompts differ."""
    return next(i for i, (a, b) in enumerate(zip(clean, corrupted, strict=True)) if a != b)


def prompt_set(name: str, metric: str, pairs: list[PromptPair], pool: int | None = None) -> PromptSet:
    """All examples as tensors. `logit_diff` takes the first correct and the first wrong answer."""
    clean, end = pad([p.clean for p in pairs])
    corrupted, _ = pad([p.corrupted for p in pairs])
    positions = {who: torch.tensor([p.positions[who] for p in pairs]) for who in pairs[0].positions}
    texts = tuple(p.text for p in pairs)
    strata = tuple(p.stratum for p in pairs if p.stratum is not None)
    frames = tuple(p.frame for p in pairs if p.frame is not None)
    answers = _metric(metric, pairs)
    return PromptSet(name, clean, corrupted, end, answers, positions, texts, strata, frames, pool)


def _metric(name: str, pairs: list[PromptPair]) -> Metric:
    if name == LogitDifference.name:
        correct, wrong = zip(*((p.correct[0], p.wrong[0]) for p in pairs), strict=True)
        return LogitDifference(torch.tensor(correct), torch.tensor(wrong))
    answers, _ = pad([p.correct + p.wrong for p in pairs])
    signs = [[1.0] * len(p.correct) + [-1.0] * len(p.wrong) for p in pairs]
    width = answers.shape[1]
    return ProbabilityDifference(answers, torch.tensor([s + [0.0] * (width - len(s)) for s in signs]))
