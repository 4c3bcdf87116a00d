"""The tasks by name, and what makes two uses of a task the same; light enough to plan with."""

import hashlib
import json
from dataclasses import dataclass

from circuit_core.errors import TaskError
from circuit_core.tasks import words


@dataclass(frozen=True)
class TaskSpec:
    """How a task's prompts are drawn; with the tokenizer this decides every token."""

    name: str
    metric: str
    n: int
    seed: int = 42
    prepend_bos: bool = False
    version: int = 1
    """Raised when the generator changes."""

    @property
    def hash(self) -> str:
        """Over all fields and the word lists."""
        lists = {k: v for k, v in vars(words).items() if k.isupper()}
        return hashlib.sha256(json.dumps([vars(self), lists], sort_keys=True).encode()).hexdigest()[:16]


TASKS = {"ioi": TaskSpec("ioi", "logit_diff", 70)}


def spec(name: str) -> TaskSpec:
    """Raises: TaskError."""
    if name not in TASKS:
        raise TaskError(f"There is no task {name}: choose from {', '.join(TASKS)}.")
    return TASKS[name]
