"""A task's prompts for one tokenizer: a built-in task draws them, a user's file holds them."""

from collections.abc import Collection
from typing import Any

from circuit_core.errors import TaskError
from circuit_core.models import tokenizers
from circuit_core.tasks import gendered_pronoun, greater_than, greater_than_digit, ioi, subject_verb, user_prompts
from circuit_core.tasks.prompts import PromptSet
from circuit_core.tasks.specs import TaskSpec
from circuit_core.tasks.specs import spec as built_in

GENERATORS = {
    task.NAME: task.generate for task in (ioi, gendered_pronoun, greater_than, greater_than_digit, subject_verb)
}


def draw(
    spec: TaskSpec,
    tokenizer: Any | None,
    n_vocab: int,
    n: int | None = None,
    seed: int | None = None,
    besides: Collection[str] | None = None,
) -> PromptSet:
    """The prompts of a task.

    Args:
        n: how many, in place of the specification's number.
        seed: in place of the specification's.
        besides: texts that are not to be drawn; given, none comes twice either.

    Raises:
        TaskError: no such task; no tokenizer, or one that cannot express it or not so often; another draw asked of a
            file.
        BrokenTask: a file that does not fit the tokenizer or the model.
    """
    prepend = getattr(tokenizer, "bos_token_id", None) if spec.prepend_bos else None
    if spec.prepend_bos and prepend is None:
        raise TaskError(f"{spec.name} is to begin with a BOS token, and the tokenizer has none: leave it out.")
    if spec.content is not None:
        if (n, seed, besides) != (None, None, None):
            raise TaskError(f"{spec.name} is a file of {spec.n} pairs and draws no others: put more into the file.")
        return user_prompts.prompts(spec, tokenizer, n_vocab, prepend)
    name = built_in(spec.name).name
    if tokenizer is None:
        raise TaskError(f"{name} needs a tokenizer, and the checkpoint brings none: put one beside it.")
    n, seed = (spec.n if n is None else n), (spec.seed if seed is None else seed)
    drawn = GENERATORS[name](tokenizers.encoder(tokenizer), tokenizer.unk_token_id, n, seed, prepend, besides)
    largest = int(max(tokens.max() for tokens in (drawn.clean, drawn.corrupted, drawn.metric.tokens)))
    if largest >= n_vocab:
        beyond = f"{name} has token {largest}, the model's are 0 to {n_vocab - 1}"
        raise TaskError(f"{beyond}: the tokenizer is another model's, put its own beside it.")
    return drawn
