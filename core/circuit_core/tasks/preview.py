"""Prompts as the model will see them, token by token; data alone, for whoever prints it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from circuit_core.tasks.metrics import LogitDifference, Metric, OwnMetric
from circuit_core.tasks.prompts import PromptSet


@dataclass(frozen=True)
class PromptPreview:
    """One pair of prompts; tokens are their texts, or their ids where there is no tokenizer."""

    clean: tuple[str, ...]
    corrupted: tuple[str, ...]
    differs: tuple[int, ...]
    """Indices of the tokens in which the two differ."""
    end: int
    """Index of the token after which the answer is read."""
    correct: tuple[str, ...]
    wrong: tuple[str, ...]
    positions: dict[str, int]
    """Named indices, for instance `IO`, `S1`, `S2`."""
    frame: str | None = None
    """The kind of sentence, where the task has several that bear names."""


def shown(prompts: PromptSet, tokenizer: Any | None) -> list[PromptPreview]:
    @cache
    def spell(token: int) -> str:
        return str(token) if tokenizer is None else tokenizer.decode([token], clean_up_tokenization_spaces=False)

    return [_row(prompts, i, spell) for i in range(len(prompts))]


def _row(prompts: PromptSet, i: int, spell: Callable[[int], str]) -> PromptPreview:
    end = int(prompts.end[i])
    clean, corrupted = (ids[i, : end + 1].tolist() for ids in (prompts.clean, prompts.corrupted))
    differs = tuple(at for at in range(end + 1) if clean[at] != corrupted[at])
    texts = [tuple(map(spell, ids)) for ids in (clean, corrupted, *_answers(prompts.metric, i))]
    positions = {name: int(at[i]) for name, at in prompts.positions.items()}
    frame = prompts.frames[i] if prompts.frames else None
    return PromptPreview(texts[0], texts[1], differs, end, texts[2], texts[3], positions, frame)


def _answers(metric: Metric, i: int) -> tuple[list[int], list[int]]:
    if isinstance(metric, LogitDifference):
        return [int(metric.correct[i])], [int(metric.wrong[i])]
    if isinstance(metric, OwnMetric):
        return [], []
    answers, signs = metric.answers[i], metric.signs[i]
    return answers[signs > 0].tolist(), answers[signs < 0].tolist()
