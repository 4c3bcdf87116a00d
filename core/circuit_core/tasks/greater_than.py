"""Greater-than (METHODS d.3): "The war lasted from the year 1732 to the year 17" -> 33 to 99.

Years lie in the centuries 11 to 17 and end in YY, 02 to 98, each of which comes once before any comes again, with
different events or centuries. A year is usable if the tokenizer gives YY a token of its own; the first and the last
such year of a century are left out. The corrupted prompt has 01 for YY. The metric is the summed probability of the
two-digit tokens above YY, minus that of the others. Where each digit is a token, `greater_than_digit` asks instead.
"""

import random
from functools import partial

from circuit_core.errors import TaskError
from circuit_core.tasks import words
from circuit_core.tasks.held_out import Stratum
from circuit_core.tasks.known_words import KnownWords
from circuit_core.tasks.prompts import PromptPair, difference

NAME = "greater_than"
START, END = "The {event} lasted from the year {century}", " to the year {century}"
ALL_EVENTS = words.EVENTS + words.OTHER_EVENTS
CENTURIES = range(11, 18)
DIGITS = tuple(f"{y:02}" for y in range(100))


def strata(lexicon: KnownWords, rng: random.Random) -> list[Stratum]:
    """Each YY.

    Raises:
        TaskError: the tokenizer lacks words, two-digit tokens, or years that it splits before the last two digits.
    """
    events = lexicon.known(ALL_EVENTS)
    lexicon.need(3, "events", events, ALL_EVENTS)
    tokens = two_digit_tokens(lexicon)
    lexicon.sentences(1, [START + DIGITS[32] + END], event=events, century=[f"{c}" for c in CENTURIES])
    years = _years(lexicon, events[0], tokens)
    return [Stratum(yy, partial(_pair, lexicon, tokens, yy), (events, years[yy])) for yy in sorted(years, key=spread)]


def spread(yy: int) -> float:
    """Sorted by this the first years, however few, lie evenly over all: the fraction of multiples of the golden ratio.

    The metric depends on YY far more than on event and century, so which years come once more must not be chance.
    """
    return yy * (1 + 5**0.5) / 2 % 1


def two_digit_tokens(lexicon: KnownWords) -> list[int]:
    """Tokens of 00 to 99, as they stand without a space before them. Raises: TaskError."""
    tokens = {d: lexicon.unspaced(d) for d in DIGITS}
    single = [d for d, token in tokens.items() if token is not None]
    if len(single) < 100 and all(lexicon.unspaced(f"{d}") is not None for d in range(10)):
        raise TaskError(
            f"{lexicon.task} needs 00 to 99 as one token each; the tokenizer has {len(single)} of them and "
            "each digit: ask for greater_than_digit."
        )
    lexicon.need(100, "numbers, 00 to 99, that are one token each", single, DIGITS)
    found = [token for token in tokens.values() if token is not None]
    if len(set(found)) < 100:
        raise TaskError(f"{lexicon.task} needs a token of its own for each of 00 to 99; the tokenizer has not.")
    return found


def _years(lexicon: KnownWords, event: str, tokens: list[int]) -> dict[int, list[int]]:
    """Centuries in which each YY can be used, for those YY that can. Raises: TaskError."""
    years: dict[int, list[int]] = {}
    for century in CENTURIES:
        start, end = START.format(event=event, century=century), END.format(century=century)
        split = [y for y in range(100) if lexicon.tokens(start, DIGITS[y] + end)[:1] == [tokens[y]]]
        for y in split[1:-1] if 1 in split else []:
            if 2 <= y <= 98:
                years.setdefault(y, []).append(century)
        used = sum(century in centuries for centuries in years.values())
        if used < 97:
            lexicon.left_out[f"{97 - used} of 97 years of {century}xx"] = None
    if not years:
        raise TaskError(f"{lexicon.task} needs years whose last two digits are a token; the tokenizer has none.")
    return years


def _pair(lexicon: KnownWords, tokens: list[int], yy: int, event: str, century: int) -> PromptPair:
    text, other = ((START + DIGITS[y] + END).format(event=event, century=century) for y in (yy, 1))
    clean, corrupted = lexicon.read(text), lexicon.read(other)
    return PromptPair(clean, corrupted, tokens[yy + 1 :], tokens[: yy + 1], text, {"YY": difference(clean, corrupted)})
