"""Greater-than digit by digit (METHODS l.13): "The war lasted from the year 1732 to the year 17" -> 4 to 9.

For tokenizers in which each digit is a token of its own, as Llama 2's and SmolLM's. The sentences are those of
`greater_than`. YY runs from 10 to 89; each comes once before any comes again. The corrupted prompt has 01 for YY:
another tens digit and, unless it was 1, another units digit. The answer is the tens digit: the metric is the summed
probability of the digits above that of YY minus that of the digits below it. The digit itself counts for neither, since
the units decide there.
"""

import random
from collections.abc import Collection
from functools import partial

from circuit_core.errors import TaskError
from circuit_core.models.tokenizers import Encode
from circuit_core.tasks.greater_than import ALL_EVENTS, CENTURIES, DIGITS, END, START, spread
from circuit_core.tasks.held_out import Stratum, drawn
from circuit_core.tasks.known_words import KnownWords
from circuit_core.tasks.prompts import PromptPair, PromptSet, difference

NAME = "greater_than_digit"


def generate(
    encode: Encode,
    unknown: int | None,
    n: int = 200,
    seed: int = 42,
    prepend: int | None = None,
    besides: Collection[str] | None = None,
) -> PromptSet:
    """Draw `n` different prompts, or all if there are fewer, the same for the same seed and tokenizer; arguments
    as for `ioi.generate`.

    Raises:
        TaskError: the tokenizer lacks words or digits, or years that it splits into digits; or there are too few
            prompts besides.
    """
    lexicon = KnownWords(NAME, encode, unknown, prepend)
    events = lexicon.known(ALL_EVENTS)
    lexicon.need(3, "events", events, ALL_EVENTS)
    digits = [token for d in range(10) if (token := lexicon.unspaced(f"{d}")) is not None]
    if len(set(digits)) < 10:
        raise TaskError(f"{NAME} needs a token of its own for each of 0 to 9; the tokenizer has not.")
    lexicon.sentences(1, [START + DIGITS[32] + END], event=events, century=[f"{c}" for c in CENTURIES])
    centuries = [century for century in CENTURIES if _is_split(lexicon, events[0], century, digits)]
    if not centuries:
        raise TaskError(f"{NAME} needs years of which each digit is a token; the tokenizer has none: see greater_than.")
    strata = [
        Stratum(yy, partial(_pair, lexicon, digits, yy), (events, centuries))
        for yy in sorted(range(10, 90), key=spread)
    ]
    return drawn(NAME, "prob_diff", strata, n, random.Random(seed), besides, lexicon.left_out)


def _is_split(lexicon: KnownWords, event: str, century: int, digits: list[int]) -> bool:
    """Whether the tokenizer gives each of the last two digits of all years a token, in the prompt and behind it."""
    start, end = START.format(event=event, century=century), END.format(century=century)
    for y in (1, *range(10, 90)):
        tens_and_units = [digits[int(d)] for d in DIGITS[y]]
        asked, answered = lexicon.tokens(start, DIGITS[y] + end)[:2], lexicon.tokens(start + DIGITS[y] + end, DIGITS[y])
        if asked != tens_and_units or answered != tens_and_units:
            lexicon.left_out[f"years of {century}xx"] = None
            return False
    return True


def _pair(lexicon: KnownWords, digits: list[int], yy: int, event: str, century: int) -> PromptPair:
    text, other = ((START + DIGITS[y] + END).format(event=event, century=century) for y in (yy, 1))
    clean, corrupted, tens = lexicon.read(text), lexicon.read(other), yy // 10
    named = {"tens": difference(clean, corrupted)}
    return PromptPair(clean, corrupted, digits[tens + 1 :], digits[:tens], text, named)
