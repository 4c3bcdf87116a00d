"""Indirect object identification (METHODS d.1): "When Mary and John went to the store, John gave a drink to" -> Mary.

Two people, one of whom (S) is named again and gives; the answer is the other (IO). Every template comes in turn with S
and with IO named first (METHODS l.5). The corrupted prompt differs in one token, S2, which becomes IO's name, so that
the other person should receive. The metric is logit(IO) - logit(S) after the last token.
"""

import random
from functools import partial
from itertools import permutations, product

from circuit_core.tasks import words
from circuit_core.tasks.held_out import Stratum
from circuit_core.tasks.known_words import KnownWords
from circuit_core.tasks.prompts import PromptPair, difference

NAME = "ioi"


def strata(lexicon: KnownWords, rng: random.Random) -> list[Stratum]:
    """Each template, with IO and with S named first.

    Raises:
        TaskError: the tokenizer knows too few names or templates, and the sentence says which it lacks.
    """
    names = lexicon.single(words.NAMES)
    places, things = lexicon.known(words.PLACES), lexicon.known(words.OBJECTS)
    lexicon.need(8, "names that are one token each", names, words.NAMES)
    lexicon.need(1, "place", places, words.PLACES)
    lexicon.need(1, "object", things, words.OBJECTS)
    a, b, *_ = names
    fill = {"a": [a], "b": [b], "s": [a], "place": places, "thing": things}
    templates = lexicon.sentences(2, words.IOI_TEMPLATES, **fill)
    kinds = enumerate(product(templates, (False, True)))
    factors = list(permutations(names, 2)), places, things
    return [Stratum(i, partial(_pair, lexicon, names, *kind), factors) for i, kind in kinds]


def _pair(
    lexicon: KnownWords, names: dict[str, int], template: str, io_first: bool, people: tuple[str, str], place, thing
) -> PromptPair:
    io, s = people
    a, b = (io, s) if io_first else (s, io)
    text, other = (template.format(a=a, b=b, s=who, place=place, thing=thing) for who in (s, io))
    clean, corrupted = lexicon.read(text), lexicon.read(other)
    named = {"IO": clean.index(names[io]), "S1": clean.index(names[s]), "S2": difference(clean, corrupted)}
    return PromptPair(clean, corrupted, [names[io]], [names[s]], text, named)
