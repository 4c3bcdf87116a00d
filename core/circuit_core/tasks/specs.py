"""The tasks by name, and what makes two uses of a task the same; light enough to plan with."""

import hashlib
import json
from dataclasses import dataclass

from circuit_core.errors import TaskError
from circuit_core.tasks import words

IOI_POSITIONS = ("IO", "S1", "S2")
"""The positions that a task must name for what is said of IOI: both names, and where the subject comes again."""
BOS = "+bos"
"""Ends the name under which results of a task are kept whose prompts begin with a BOS token."""


@dataclass(frozen=True)
class TaskSpec:
    """How a task's prompts come about; with the tokenizer this decides every token."""

    name: str
    metric: str
    n: int
    """Prompts asked for; a built-in task that has fewer different ones draws these."""
    seed: int = 42
    prepend_bos: bool = False
    version: int = 1
    """Raised when the generator changes."""
    content: str | None = None
    """Text of a user's file, which holds all prompts; None for a built-in task, which draws them."""
    format: str = ""
    """Of the content: `jsonl` or `csv`."""
    named: tuple[str, ...] = ()
    """Positions that its prompts name, for instance `IO`."""

    @property
    def label(self) -> str:
        """Its name for results: with and without a BOS token are two tasks."""
        return labelled(self.name, self.prepend_bos)

    @property
    def hash(self) -> str:
        """Over all fields and the word lists; of a user's file over what it says, not what it is called."""
        if self.content is not None:
            return _digest([self.content, self.prepend_bos, self.version])
        return _digest([vars(self), {k: v for k, v in vars(words).items() if k.isupper()}])


def _digest(parts: list) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def labelled(name: str, prepend_bos: bool | None) -> str:
    """A task's name with or without a BOS token; as it is if None."""
    return name if prepend_bos is None else name.removesuffix(BOS) + (BOS if prepend_bos else "")


TASKS = {
    task.name: task
    for task in (
        TaskSpec("ioi", "logit_diff", 70, version=2, named=IOI_POSITIONS),
        TaskSpec("gendered_pronoun", "logit_diff", 70, version=2, named=("name",)),
        TaskSpec("greater_than", "prob_diff", 200, version=2, named=("YY",)),
        TaskSpec("subject_verb", "prob_diff", 200, version=2, named=("subject",)),
        TaskSpec("greater_than_digit", "prob_diff", 200, named=("tens",)),
    )
}


def spec(name: str) -> TaskSpec:
    """Raises: TaskError."""
    if name not in TASKS:
        raise TaskError(f"There is no task {name}: choose from {', '.join(TASKS)}.")
    return TASKS[name]
