"""Gendered pronoun (METHODS d.2): "So John is such a good cook, isn't" -> he.

Male and female names alternate. The corrupted prompt has a name of the other gender in the name's place. The metric is
logit(he) - logit(she) after the last token for male names, the reverse for female ones.
"""

import random
from collections.abc import Sequence
from functools import partial

from circuit_core.tasks import words
from circuit_core.tasks.held_out import Stratum
from circuit_core.tasks.known_words import KnownWords
from circuit_core.tasks.prompts import PromptPair, difference

NAME = "gendered_pronoun"
TEMPLATES = tuple(f"So {{name}} is {phrase}, isn't" for phrase in words.PRONOUN_PHRASES)
PRONOUNS = ("he", "she")


def strata(lexicon: KnownWords, rng: random.Random) -> list[Stratum]:
    """Male and female names; a corrupted prompt's name is drawn by `rng`.

    Raises:
        TaskError: the tokenizer knows too few names or phrases, and the sentence says which it lacks.
    """
    male, female, answers = (lexicon.single(some) for some in (words.MALE_NAMES, words.FEMALE_NAMES, PRONOUNS))
    lexicon.need(8, "names that are one token each", male | female, words.NAMES)
    lexicon.need(1, "male name", male, words.MALE_NAMES)
    lexicon.need(1, "female name", female, words.FEMALE_NAMES)
    lexicon.need(2, "answers that are one token each", answers, PRONOUNS)
    templates = lexicon.sentences(2, TEMPLATES, name=[*male, *female])
    he, she = ([answers[word]] for word in PRONOUNS)
    kinds = enumerate(((list(male), list(female), he, she), (list(female), list(male), she, he)))
    return [Stratum(i, partial(_pair, lexicon, rng, *kind), (templates, kind[0])) for i, kind in kinds]


def _pair(
    lexicon: KnownWords, rng: random.Random, names: Sequence[str], others: Sequence[str], correct, wrong, template, name
) -> PromptPair:
    text, other = (template.format(name=who) for who in (name, rng.choice(others)))
    clean, corrupted = lexicon.read(text), lexicon.read(other)
    return PromptPair(clean, corrupted, correct, wrong, text, {"name": difference(clean, corrupted)})
