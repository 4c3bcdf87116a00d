"""Gendered pronoun (METHODS d.2): "So John is such a good cook, isn't" -> he.

Male and female names alternate. The corrupted prompt has a name of the other gender in the name's place. The metric is
logit(he) - logit(she) after the last token for male names, the reverse for female ones.
"""

import random
from collections.abc import Collection, Sequence
from functools import partial

from circuit_core.models.tokenizers import Encode
from circuit_core.tasks import words
from circuit_core.tasks.held_out import Stratum, drawn
from circuit_core.tasks.known_words import KnownWords
from circuit_core.tasks.prompts import PromptPair, PromptSet, difference

NAME = "gendered_pronoun"
TEMPLATES = tuple(f"So {{name}} is {phrase}, isn't" for phrase in words.PRONOUN_PHRASES)
PRONOUNS = ("he", "she")


def generate(
    encode: Encode,
    unknown: int | None,
    n: int = 70,
    seed: int = 42,
    prepend: int | None = None,
    besides: Collection[str] | None = None,
) -> PromptSet:
    """Draw `n` different prompts, the same for the same seed and tokenizer; arguments as for `ioi.generate`.

    Raises:
        TaskError: the tokenizer knows too few names or phrases, and the sentence says which it lacks; or there are
            too few prompts besides.
    """
    lexicon = KnownWords(NAME, encode, unknown, prepend)
    male, female, answers = (lexicon.single(some) for some in (words.MALE_NAMES, words.FEMALE_NAMES, PRONOUNS))
    lexicon.need(8, "names that are one token each", male | female, words.NAMES)
    lexicon.need(1, "male name", male, words.MALE_NAMES)
    lexicon.need(1, "female name", female, words.FEMALE_NAMES)
    lexicon.need(2, "answers that are one token each", answers, PRONOUNS)
    templates = lexicon.sentences(2, TEMPLATES, name=[*male, *female])
    rng = random.Random(seed)
    he, she = ([answers[word]] for word in PRONOUNS)
    kinds = enumerate(((list(male), list(female), he, she), (list(female), list(male), she, he)))
    strata = [Stratum(i, partial(_pair, lexicon, rng, *kind), (templates, kind[0])) for i, kind in kinds]
    return drawn(NAME, "logit_diff", strata, n, rng, besides, lexicon.left_out)


def _pair(
    lexicon: KnownWords, rng: random.Random, names: Sequence[str], others: Sequence[str], correct, wrong, template, name
) -> PromptPair:
    text, other = (template.format(name=who) for who in (name, rng.choice(others)))
    clean, corrupted = lexicon.read(text), lexicon.read(other)
    return PromptPair(clean, corrupted, correct, wrong, text, {"name": difference(clean, corrupted)})
