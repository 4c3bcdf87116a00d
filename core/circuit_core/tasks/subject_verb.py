"""Subject-verb agreement (METHODS d.4, l.15): "The keys on the cabinet" -> are, were, have, ...

Sentences come from a small grammar of the project's own, for want of a corpus that may be shipped. It has four frames:

    prepositional     The keys on the cabinet
    subject relative  The girls that found the key
    coordination      The girls found the key and
    simple            The little girls

The noun behind the subject (the attractor) has a number independent of the subject's; verbs of the frames are in the
past, where they do not tell it. Frames and both numbers come equally often; a frame whose words the tokenizer does not
know is left out. The corrupted prompt has the subject in the other number. The metric is the summed probability of the
verb forms that agree with the subject, minus that of the others, over verbs both of whose forms are one token.
"""

import random
from collections.abc import Sequence
from functools import partial
from itertools import product

from circuit_core.tasks import words
from circuit_core.tasks.held_out import Stratum
from circuit_core.tasks.known_words import KnownWords
from circuit_core.tasks.prompts import PromptPair, difference

NAME = "subject_verb"
FRAMES: dict[str, tuple[str, ...]] = {
    "prepositional": tuple(f"The {{subject}} {word} the {{attractor}}" for word in words.PREPOSITIONS),
    "subject relative": tuple(f"The {{subject}} that {word} the {{attractor}}" for word in words.ACTIONS),
    "coordination": tuple(f"The {{subject}} {word} the {{attractor}} and" for word in words.ACTIONS),
    "simple": tuple(f"The {word} {{subject}}" for word in words.ADJECTIVES),
}
ALL_VERBS = words.VERBS | words.OTHER_VERBS

Forms = tuple[str, str]
"""Singular and plural."""


def strata(lexicon: KnownWords, rng: random.Random) -> list[Stratum]:
    """Every frame in both numbers, then again with the attractors' numbers exchanged.

    Raises:
        TaskError: the tokenizer knows too few nouns, verbs or sentences, and the sentence says which it lacks.
    """
    nouns, people, verbs = (
        [forms for forms in some.items() if len(lexicon.single(forms)) == 2]
        for some in (words.NOUNS, words.PEOPLE, ALL_VERBS)
    )
    lexicon.need(3, "nouns that are one token in both numbers", [one for one, _ in nouns], words.NOUNS)
    lexicon.need(1, "verb that is one token in both numbers", [one for one, _ in verbs], ALL_VERBS)
    every = [template for templates in FRAMES.values() for template in templates]
    readable = set(lexicon.sentences(2, every, subject=nouns[0], attractor=nouns[1]))
    tokens = lexicon.single(form for verb in verbs for form in verb)
    answers = tuple([tokens[verb[number]] for verb in verbs] for number in (0, 1))
    couples = [pair for pair in product(nouns, nouns) if pair[0] != pair[1]]
    acting = [pair for pair in product(people, nouns) if pair[0] != pair[1]]
    alone = [(subject, ("", "")) for subject in dict.fromkeys([*nouns, *people])]
    fillings = dict(zip(FRAMES, (couples, acting, acting, alone), strict=True))
    known = {frame: [t for t in templates if t in readable] for frame, templates in FRAMES.items()}
    factors = {frame: (fillings[frame], found) for frame, found in known.items() if found and fillings[frame]}
    # The simple frame has no attractor: its two strata stand in both halves.
    found: dict[int, Stratum] = {}
    order: list[Stratum] = []
    for half, number, (i, frame) in product((0, 1), (0, 1), enumerate(factors)):
        attractor = 0 if frame == "simple" else (half + number + i) % 2
        at, pair = 4 * i + 2 * number + attractor, partial(_pair, lexicon, answers, frame, number, attractor)
        order.append(found.setdefault(at, Stratum(at, pair, factors[frame])))
    return order


def _pair(
    lexicon: KnownWords,
    answers: Sequence[list[int]],
    frame: str,
    number: int,
    attractor_number: int,
    nouns: tuple[Forms, Forms],
    template: str,
) -> PromptPair:
    subject, attractor = nouns
    texts = [template.format(subject=form, attractor=attractor[attractor_number]) for form in subject]
    clean, corrupted = (lexicon.read(texts[k]) for k in (number, 1 - number))
    named = {"subject": difference(clean, corrupted)}
    return PromptPair(clean, corrupted, answers[number], answers[1 - number], texts[number], named, frame=frame)
