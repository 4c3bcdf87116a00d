"""Subject-verb agreement (METHODS d.4): "The keys on the cabinet" -> are, were, have, ...

Sentences come from a small grammar of the project's own, for want of a corpus that may be shipped: a subject, one of
several prepositions, and another noun (the attractor) whose number is independent of the subject's. Singular and plural
subjects alternate; the corrupted prompt has the subject in the other number. The metric is the summed probability of
the verb forms that agree with the subject, minus that of the others, over verbs both of whose forms are one token.
"""

import random
from collections.abc import Collection
from itertools import count

from circuit_core.tasks import words
from circuit_core.tasks.choosing import take
from circuit_core.tasks.lexicon import Lexicon
from circuit_core.tasks.pairs import Pair, difference, prompt_set
from circuit_core.tasks.prompts import PromptSet
from circuit_core.tokenizing import Encode

NAME = "subject_verb"
TEMPLATES = tuple(f"The {{subject}} {preposition} the {{attractor}}" for preposition in words.PREPOSITIONS)
VERBS = words.VERBS | words.OTHER_VERBS

Forms = tuple[str, str]
"""Singular and plural."""


def generate(
    encode: Encode,
    unknown: int | None,
    n: int = 200,
    seed: int = 42,
    prepend: int | None = None,
    besides: Collection[str] | None = None,
) -> PromptSet:
    """Draw `n` prompts, the same for the same seed and tokenizer; arguments as for `ioi.generate`.

    Raises:
        TaskError: the tokenizer knows too few nouns, verbs or prepositions, and the sentence says which it lacks; or
            there are too few prompts besides.
    """
    lexicon = Lexicon(NAME, encode, unknown)
    nouns = _both_single(lexicon, words.NOUNS)
    verbs = _both_single(lexicon, VERBS)
    templates = lexicon.readable(TEMPLATES)
    lexicon.need(3, "nouns that are one token in both numbers", [one for one, _ in nouns], words.NOUNS)
    lexicon.need(1, "verb that is one token in both numbers", [one for one, _ in verbs], VERBS)
    lexicon.need_sentences(2, templates, TEMPLATES)
    tokens = lexicon.single(form for verb in verbs for form in verb)
    answers = tuple([tokens[verb[number]] for verb in verbs] for number in (0, 1))
    rng = random.Random(seed)
    first = [] if prepend is None else [prepend]
    drawn = (_draw(rng, encode, first, nouns, templates, answers, i) for i in count())
    room = 4 * len(nouns) * (len(nouns) - 1) * len(templates)
    return prompt_set(NAME, "prob_diff", take(NAME, drawn, n, besides, room))


def _both_single(lexicon: Lexicon, words: dict[str, str]) -> list[Forms]:
    return [forms for forms in words.items() if len(lexicon.single(forms)) == 2]


def _draw(rng: random.Random, encode: Encode, first: list[int], nouns, templates, answers, i: int) -> Pair:
    number, attractor_number = i % 2, i // 2 % 2
    subject, attractor = rng.sample(nouns, 2)
    template = rng.choice(templates)
    texts = [template.format(subject=form, attractor=attractor[attractor_number]) for form in subject]
    clean, corrupted = (first + encode(texts[k]) for k in (number, 1 - number))
    named = {"subject": difference(clean, corrupted)}
    return Pair(clean, corrupted, answers[number], answers[1 - number], texts[number], named)
