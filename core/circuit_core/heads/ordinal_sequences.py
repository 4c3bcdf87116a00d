"""Known sequences, in the forms in which a tokenizer may hold them, and their pairs of consecutive tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_uppercase

from circuit_core.models.tokenizers import Encode

_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_MONTHS = "January February March April May June July August September October November December".split()
_ONES = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"

SEQUENCES: dict[str, Sequence[str]] = {
    "numbers": [str(n) for n in range(1, 201)],
    "number_words": [*_ONES.split(), "eighteen", "nineteen", "twenty"],
    "ordinals": "first second third fourth fifth sixth seventh eighth ninth tenth".split(),
    "days": [*_DAYS, _DAYS[0]],
    "days_short": [d[:3] for d in [*_DAYS, _DAYS[0]]],
    "months": [*_MONTHS, _MONTHS[0]],
    "months_short": [m[:3] for m in [*_MONTHS, _MONTHS[0]]],
    "letters": list(ascii_uppercase),
    "roman": "I II III IV V VI VII VIII IX X XI XII XIII XIV XV XVI XVII XVIII XIX XX".split(),
}
"""Days and months go round."""
ONE_CASE = ("letters", "roman")


@dataclass(frozen=True)
class ConsecutivePair:
    """Two consecutive items as tokens, and the tokens among which the second must be told."""

    source: int
    target: int
    targets: frozenset[int]


def pairs(encode: Encode, unknown: int | None, distinct: bool = True) -> dict[str, list[ConsecutivePair]]:
    """Pairs of each sequence, over all its forms.

    Args:
        unknown: id of the unknown token, if the tokenizer has one.
        distinct: False counts a form that repeats another as one more, and misspells XVIII, as the paper's code does.
    """
    found: dict[str, list[ConsecutivePair]] = {}
    for name, words in SEQUENCES.items():
        if name == "roman" and not distinct:
            words = ["XVII" if w == "XVIII" else w for w in words]
        spelt = [words] if name in ONE_CASE else [words, [w[0].swapcase() + w[1:] for w in words]]
        forms = [[before + w for w in form] for form in spelt for before in ("", " ")]
        new = [pair for form in forms for pair in _pairs(encode, unknown, form)]
        found[name] = list({(p.source, p.target): p for p in reversed(new)}.values()) if distinct else new
    return found


def _pairs(encode: Encode, unknown: int | None, form: Sequence[str]) -> list[ConsecutivePair]:
    ids = [encode(w) for w in form]
    known = [len(tokens) == 1 and tokens[0] != unknown for tokens in ids]
    both = [(a[0], b[0]) for i, (a, b) in enumerate(zip(ids, ids[1:], strict=False)) if known[i] and known[i + 1]]
    targets = frozenset(b for _, b in both)
    return [ConsecutivePair(a, b, targets) for a, b in both if len(targets) > 1]
