"""Greater-than digit by digit (METHODS l.13): "The war lasted from the year 1732 to the year 17" -> 4 to 9.

For tokenizers in which each digit is a token of its own, as Llama 2's and SmolLM's. The sentences are those of
`greater_than`. YY runs from 10 to 89; each comes once before any comes again. The corrupted prompt has 01 for YY:
another tens digit and, unless it was 1, another units digit. The answer is the tens digit: the metric is the summed
probability of the digits above that of YY minus that of the digits below it. The digit itself counts for neither, since
the units decide there.
"""

import random
from functools import partial

from circuit_core.errors import TaskError
from circuit_core.tasks.greater_than import ALL_EVENTS, CENTURIES, DIGITS, END, START, spread
from circuit_core.tasks.held_out import Stratum
from circuit_core.tasks.known_words import KnownWords
from circuit_core.tasks.prompts import PromptPair, difference

NAME = "greater_than_digit"


def strata(lexicon: KnownWords, rng: random.Random) -> list[Stratum]:
    """Each YY.

    Raises:
        TaskError: the tokenizer lacks words or digits, or years that it splits into digits.
    """
    events = lexicon.known(ALL_EVENTS)
    lexicon.need(3, "events", events, ALL_EVENTS)
    digits = [token for d in range(10) if (token := lexicon.unspaced(f"{d}")) is not None]
    if len(set(digits)) < 10:
        raise TaskError(f"{NAME} needs a token of its own for each of 0 to 9; the tokenizer has not.")
    lexicon.sentences(1, [START + DIGITS[32] + END], event=events, century=[f"{c}" for c in CENTURIES])
    # Those in all of whose years the tokenizer gives each of the last two digits a token, in the prompt and behind it.
    years = {DIGITS[y]: [digits[int(d)] for d in DIGITS[y]] for y in (1, *range(10, 90))}
    centuries = []
    for century in CENTURIES:
        start, end = START.format(event=events[0], century=century), END.format(century=century)
        if all(
            lexicon.tokens(start, yy + end)[:2] == tokens == lexicon.tokens(start + yy + end, yy)
            for yy, tokens in years.items()
        ):
            centuries.append(century)
        else:
            lexicon.left_out[f"years of {century}xx"] = None
    if not centuries:
        raise TaskError(f"{NAME} needs years of which each digit is a token; the tokenizer has none: see greater_than.")
    return [
        Stratum(yy, partial(_pair, lexicon, digits, yy), (events, centuries))
        for yy in sorted(range(10, 90), key=spread)
    ]


def _pair(lexicon: KnownWords, digits: list[int], yy: int, event: str, century: int) -> PromptPair:
    text, other = ((START + DIGITS[y] + END).format(event=event, century=century) for y in (yy, 1))
    clean, corrupted, tens = lexicon.read(text), lexicon.read(other), yy // 10
    named = {"tens": difference(clean, corrupted)}
    return PromptPair(clean, corrupted, digits[tens + 1 :], digits[:tens], text, named)
