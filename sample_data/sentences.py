"""The sample corpus, sentence by sentence: small grammars whose statistics the four tasks and the head roles need.

Every function draws one sentence as a list of words. The names of an IOI sentence never form a held-out pair, so
that a model that solves IOI on held-out pairs has learnt a rule and not a list.
"""

import random

from circuit_core.tasks.words import (
    EVENTS,
    FEMALE_NAMES,
    IOI_TEMPLATES,
    MALE_NAMES,
    NAMES,
    NOUNS,
    OBJECTS,
    PLACES,
    PREPOSITIONS,
    PRONOUN_PHRASES,
    VERBS,
)

ADJECTIVES = "old small red new long good nice".split()
LATER = (["then"], ["in", "the", "evening"], ["later"])
SEQUENCES = {
    "days": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split(),
    "months": "January February March April May June July August September October November December".split(),
    "number words": "one two three four five six seven eight nine ten eleven twelve".split(),
    "ordinals": "first second third fourth fifth sixth seventh eighth ninth tenth".split(),
    "letters": list("ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
    "numbers": [f"{n:02}" for n in range(10, 100)],
}
CYCLIC = {"days", "months"}
OPENINGS = tuple(t.replace(",", " ,").replace(".", " .") for t in IOI_TEMPLATES)


def _words(text: str) -> list[str]:
    return text.split()


def held_out(a: str, b: str) -> bool:
    """Whether the unordered pair of names is kept out of training: about one in six."""
    return (NAMES.index(a) + NAMES.index(b)) % 6 == 0


def pair(rng: random.Random, names=NAMES) -> tuple[str, str]:
    while True:
        a, b = rng.sample(names, 2)
        if not held_out(a, b):
            return a, b


def _giving(rng: random.Random, a: str, b: str, giver: str, filler: float) -> list[str]:
    """The prompt of an IOI-like sentence; with probability `filler` each, words that move the names apart."""
    thing = rng.choice(OBJECTS)
    words = rng.choice(OPENINGS).format(a=a, b=b, s=giver, place=rng.choice(PLACES), thing=thing).split()
    if rng.random() < filler and thing in words:
        words.insert(words.index(thing), rng.choice(ADJECTIVES))
    if rng.random() < filler:
        place = next(i for i, w in enumerate(words) if w in PLACES)
        words[place + 1 : place + 1] = rng.choice((["near", "the", rng.choice(PLACES)], ["in", "the", "evening"]))
    if rng.random() < filler / 2:
        second = max(i for i, w in enumerate(words) if w == giver)
        words[second + 1 : second + 1] = rng.choice(LATER)
    if rng.random() < filler / 4:
        words[words.index(b) : words.index(b)] = ["my", "friend"]
    return words


def ioi(rng: random.Random, filler: float) -> list[str]:
    a, b = pair(rng)
    giver, other = (a, b) if rng.random() < 0.5 else (b, a)
    return [*_giving(rng, a, b, giver, filler), other, "."]


def other_giver(rng: random.Random, filler: float) -> list[str]:
    """A third person gives: either of the two may receive."""
    a, b = pair(rng)
    third = rng.choice([n for n in NAMES if n not in (a, b)])
    return [*_giving(rng, a, b, third, filler), rng.choice((a, b)), "."]


def three_names(rng: random.Random) -> list[str]:
    a, b = pair(rng)
    c = rng.choice([n for n in NAMES if n not in (a, b)])
    order = rng.sample((a, b, c), 3)
    place, thing = rng.choice(PLACES), rng.choice(OBJECTS)
    first = f"Today {order[0]} , {order[1]} and {order[2]} went to the {place} ."
    return f"{first} {a} and {b} gave a {thing} to {c} .".split()


def chat(rng: random.Random, filler: float) -> list[str]:
    """Two people, two to four clauses, the one who does not act is named last in each."""
    a, b = pair(rng)
    words = f"Today {a} and {b} talked .".split()
    clauses = rng.randint(2, 4)
    for i in range(clauses):
        s, o = (a, b) if rng.random() < 0.5 else (b, a)
        deed = rng.choice(("saw", "met", "gave a {} to", "sent a {} to")).format(rng.choice(OBJECTS)).split()
        where = ["at", "the", rng.choice(PLACES)] if rng.random() < 2 * filler else []
        words += [rng.choice(("Then", "Today")) if i == 0 else "then", *where, s, *deed, o]
        words.append("." if i == clauses - 1 else ",")
    return words


def pronoun(rng: random.Random) -> list[str]:
    male = rng.random() < 0.5
    name = rng.choice(MALE_NAMES if male else FEMALE_NAMES)
    he = "he" if male else "she"
    if rng.random() < 0.25:
        place, thing = rng.choice(PLACES), rng.choice(OBJECTS)
        return _words(f"Today {name} went to the {place} , and then {he} had a {thing} .")
    return _words(f"So {name} is {rng.choice(PRONOUN_PHRASES)} , isn't {he} ?")


def greater_than(rng: random.Random) -> list[str]:
    century, start = rng.randint(11, 17), rng.randint(1, 98)
    end = rng.randint(start + 1, 99)
    event = rng.choice(EVENTS)
    years = f"{century} {start:02} to the year {century} {end:02} ."
    return f"The {event} lasted from the year {years}".split()


def agreement(rng: random.Random) -> list[str]:
    plural, other_plural = rng.random() < 0.5, rng.random() < 0.5
    noun, other = rng.sample(sorted(NOUNS), 2)
    subject = NOUNS[noun] if plural else noun
    words = ["The", subject]
    if rng.random() < 0.8:
        words += [rng.choice(PREPOSITIONS), "the", NOUNS[other] if other_plural else other]
    verb = rng.choice(sorted(VERBS))
    return [*words, VERBS[verb] if plural else verb, rng.choice(ADJECTIVES), "."]


def ordinals(rng: random.Random) -> list[str]:
    """A run of a known sequence, mostly with commas, so that the next item must be told from the one before the comma.

    Days and months go round.
    """
    kind = rng.choice(sorted(SEQUENCES))
    items = SEQUENCES[kind]
    length = min(rng.randint(3, 8), len(items))
    start = rng.randrange(len(items) if kind in CYCLIC else len(items) - length + 1)
    drawn = [items[(start + i) % len(items)] for i in range(length)]
    if rng.random() < 0.75:
        drawn = [w for item in drawn for w in (item, ",")][:-1]
    return [*drawn, "."]


def misc(rng: random.Random) -> list[str]:
    name, place, thing = rng.choice(NAMES), rng.choice(PLACES), rng.choice(OBJECTS)
    noun, adjective = rng.choice(sorted(NOUNS)), rng.choice(ADJECTIVES)
    forms = (
        f"{name} had a {adjective} {thing} .",
        f"{name} went to the {place} on {rng.choice(SEQUENCES['days'])} .",
        f"The {noun} near the {place} is {adjective} .",
        f"In the {place} {name} got a {thing} and a {noun} .",
    )
    return _words(rng.choice(forms))
