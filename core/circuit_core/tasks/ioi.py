"""Indirect object identification (METHODS d.1): "When Mary and John went to the store, John gave a drink to" -> Mary.

Two people, one of whom (S) is named again and gives; the answer is the other (IO). Half of the prompts name IO first.
The corrupted prompt differs in one token, S2, which becomes IO's name, so that the other person should receive. The
metric is logit(IO) - logit(S) after the last token.
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

NAME = "ioi"


def generate(
    encode: Encode,
    unknown: int | None,
    n: int = 70,
    seed: int = 42,
    prepend: int | None = None,
    besides: Collection[str] | None = None,
) -> PromptSet:
    """Draw `n` prompts, the same for the same seed and tokenizer.

    Args:
        encode: text to ids, without special tokens.
        unknown: id of the unknown token, if the tokenizer has one.
        prepend: id of a BOS token to put first, or None.
        besides: texts that are not to be drawn; given, none comes twice either (see `choosing`).

    Raises:
        TaskError: the tokenizer knows too few names or templates, and the sentence says which it lacks; or there are
            too few prompts besides.
    """
    lexicon = Lexicon(NAME, encode, unknown)
    names = lexicon.single(words.NAMES)
    places, things = lexicon.known(words.PLACES), lexicon.known(words.OBJECTS)
    templates = lexicon.readable(words.IOI_TEMPLATES)
    lexicon.need(8, "names that are one token each", names, words.NAMES)
    lexicon.need_sentences(2, templates, words.IOI_TEMPLATES)
    lexicon.need(1, "place", places, words.PLACES)
    lexicon.need(1, "object", things, words.OBJECTS)
    rng = random.Random(seed)
    first = [] if prepend is None else [prepend]
    drawn = (_draw(rng, encode, names, places, things, templates, i, first) for i in count())
    room = 2 * len(names) * (len(names) - 1) * len(places) * len(things) * len(templates)
    return prompt_set(NAME, "logit_diff", take(NAME, drawn, n, besides, room))


def _draw(rng: random.Random, encode: Encode, names, places, things, templates, i: int, first: list[int]) -> Pair:
    io, s = rng.sample(list(names), 2)
    a, b = (io, s) if i % 2 else (s, io)
    fill = {"a": a, "b": b, "place": rng.choice(places), "thing": rng.choice(things)}
    template = rng.choice(templates)
    clean, corrupted = (first + encode(template.format(**fill, s=who)) for who in (s, io))
    named = {"IO": clean.index(names[io]), "S1": clean.index(names[s]), "S2": difference(clean, corrupted)}
    return Pair(clean, corrupted, [names[io]], [names[s]], template.format(**fill, s=s), named)
