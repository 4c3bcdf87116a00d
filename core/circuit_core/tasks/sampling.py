"""A task's prompts for one tokenizer: a built-in task draws them, a user's file holds them."""

import random
from collections.abc import Collection
from typing import Any

from circuit_core.errors import TaskError
from circuit_core.models import tokenizers
from circuit_core.models.tokenizers import Encode
from circuit_core.tasks import gendered_pronoun, greater_than, greater_than_digit, ioi, subject_verb, user_prompts
from circuit_core.tasks.held_out import drawn
from circuit_core.tasks.known_words import KnownWords
from circuit_core.tasks.prompts import PromptSet
from circuit_core.tasks.specs import TaskSpec
from circuit_core.tasks.specs import spec as built_in

STRATA = {task.NAME: task.strata for task in (ioi, gendered_pronoun, greater_than, greater_than_digit, subject_verb)}
"""Task -> the kinds of prompts that it balances, for a tokenizer."""


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
    found = generate(name, tokenizers.encoder(tokenizer), tokenizer.unk_token_id, n, seed, prepend, besides)
    largest = int(max(tokens.max() for tokens in (found.clean, found.corrupted, found.metric.tokens)))
    if largest >= n_vocab:
        beyond = f"{name} has token {largest}, the model's are 0 to {n_vocab - 1}"
        raise TaskError(f"{beyond}: the tokenizer is another model's, put its own beside it.")
    return found


def generate(
    name: str,
    encode: Encode,
    unknown: int | None,
    n: int | None = None,
    seed: int = 42,
    prepend: int | None = None,
    besides: Collection[str] | None = None,
) -> PromptSet:
    """Draw `n` different prompts of a built-in task, or all if there are fewer; the same for the same seed and
    tokenizer.

    Args:
        encode: text to ids, without special tokens.
        unknown: id of the unknown token, if the tokenizer has one.
        n: None for the specification's.
        prepend: id of a BOS token to put first, or None.
        besides: texts that are not to be drawn (see `held_out`).

    Raises:
        TaskError: the tokenizer knows too few words or sentences, and the sentence says which it lacks; or there are
            too few prompts besides.
    """
    task, lexicon, rng = built_in(name), KnownWords(name, encode, unknown, prepend), random.Random(seed)
    strata = STRATA[name](lexicon, rng)
    return drawn(name, task.metric, strata, task.n if n is None else n, rng, besides, lexicon.left_out)
