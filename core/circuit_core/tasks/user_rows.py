"""One example of a user's task file, and those of its checks that need no tokenizer."""

from dataclasses import dataclass, field
from typing import Any

from circuit_core.errors import BrokenTask, brief


@dataclass(frozen=True)
class Row:
    """Prompts and answers as text or as token ids."""

    where: str
    """File and line, for messages."""
    clean: str | list[int]
    corrupted: str | list[int]
    correct: list[str] | list[int]
    wrong: list[str] | list[int]
    label: int | None = None
    """Two digits: those above are correct, the others wrong; then both lists are empty."""
    positions: dict[str, int] = field(default_factory=dict)
    """Indices into the clean prompt's tokens, a BOS token put first not counted."""


def text(value: Any, where: str, key: str) -> str:
    if not isinstance(value, str) or not value.strip() or value != value.encode(errors="ignore").decode():
        raise BrokenTask(f"{where}: {key} must be text, and not empty.")
    return value


def number(value: Any, where: str, key: str) -> int:
    if type(value) is not int or value < 0:
        raise BrokenTask(f"{where}: {key} must be a whole number from 0, it is {brief(value)}.")
    return value


def numbers(value: Any, where: str, key: str) -> list[int]:
    if not isinstance(value, list) or not value:
        raise BrokenTask(f"{where}: {key} must be a list of token ids, it is {brief(value)}.")
    return [number(v, where, key) for v in value]


def answers(value: Any, one, where: str, key: str) -> list:
    """A single answer or a list of them, each read by `one`; duplicates are dropped."""
    values = value if isinstance(value, list) and value else [value]
    return list(dict.fromkeys(one(v, where, key) for v in values))


def named(value: Any, where: str) -> dict[str, int]:
    if not isinstance(value, dict):
        raise BrokenTask(f"{where}: positions must be names with token indices, it is {brief(value)}.")
    return {name: number(at, where, f"positions, {name[:40]}") for name, at in value.items()}


def apart(correct: list, wrong: list, where: str) -> None:
    """Raises: BrokenTask, if an answer is both."""
    amiss = set(wrong)
    for answer in correct:
        if answer in amiss:
            raise BrokenTask(f"{where}: {brief(answer)} is both a correct and a wrong answer: keep it in one.")


def matching(clean: list[int], corrupted: list[int], positions: dict[str, int], where: str) -> None:
    """Raises: BrokenTask, if the prompts are not equally long, or a position lies past their end."""
    n = len(clean)
    if n != len(corrupted):
        raise BrokenTask(
            f"{where}: the clean prompt has {n} tokens and the corrupted one {len(corrupted)}: make them equally long."
        )
    for name, at in positions.items():
        if at >= n:
            raise BrokenTask(f"{where}: position {name[:40]} is {brief(at)}, the prompt's tokens are 0 to {n - 1}.")
