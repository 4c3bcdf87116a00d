"""Gendered pronoun (METHODS d.2): "So John is such a good cook, isn't" -> he.

Male and female names alternate, each with every phrase once before any comes again. The corrupted prompt has a name of
the other gender in the name's place. The metric is logit(he) - logit(she) after the last token for male names, the
reverse for female ones.
"""

import random
from collections.abc import Collection
from itertools import chain, cycle, product

from circuit_core.tasks import words
from circuit_core.tasks.choosing import take
from circuit_core.tasks.lexicon import Lexicon
from circuit_core.tasks.pairs import Pair, difference, prompt_set
from circuit_core.tasks.prompts import PromptSet
from circuit_core.tokenizing import Encode

NAME = "gendered_pronoun"
TEMPLATES = tuple(f"So {{name}} is {phrase}, isn't" for phrase in words.PRONOUN_PHRASES)
ANSWERS = ("he", "she")


def generate(
    encode: Encode,
    unknown: int | None,
    n: int = 70,
    seed: int = 42,
    prepend: int | None = None,
    besides: Collection[str] | None = None,
) -> PromptSet:
    """Draw `n` prompts, the same for the same seed and tokenizer; arguments as for `ioi.generate`.

    Raises:
        TaskError: the tokenizer knows too few names or phrases, and the sentence says which it lacks; or there are
            too few prompts besides.
    """
    lexicon = Lexicon(NAME, encode, unknown)
    male, female, answers = (lexicon.single(some) for some in (words.MALE_NAMES, words.FEMALE_NAMES, ANSWERS))
    templates = lexicon.readable(TEMPLATES)
    lexicon.need(8, "names that are one token each", male | female, words.NAMES)
    lexicon.need(1, "male name", male, words.MALE_NAMES)
    lexicon.need(1, "female name", female, words.FEMALE_NAMES)
    lexicon.need(2, "answers that are one token each", answers, ANSWERS)
    lexicon.need_sentences(2, templates, TEMPLATES)
    rng = random.Random(seed)
    he, she = (answers[word] for word in ANSWERS)
    rows = [_rows(rng, templates, *names) for names in ((male, female), (female, male))]
    first = [] if prepend is None else [prepend]
    alternating = chain.from_iterable(zip(cycle(rows[0]), cycle(rows[1]), strict=False))
    answers_of = cycle([([he], [she]), ([she], [he])])
    drawn = (_pair(encode, first, *row, *of) for row, of in zip(alternating, answers_of, strict=False))
    return prompt_set(NAME, "logit_diff", take(NAME, drawn, n, besides, sum(map(len, rows))))


def _rows(rng: random.Random, templates: list[str], names, others) -> list[tuple[str, str, str]]:
    """Every name with every template in random order, and a name of the other gender for each."""
    rows = [(template, name, rng.choice(list(others))) for template, name in product(templates, names)]
    return rng.sample(rows, len(rows))


def _pair(encode: Encode, first: list[int], template: str, name: str, other: str, correct, wrong) -> Pair:
    clean, corrupted = (first + encode(template.format(name=who)) for who in (name, other))
    return Pair(clean, corrupted, correct, wrong, template.format(name=name), {"name": difference(clean, corrupted)})
