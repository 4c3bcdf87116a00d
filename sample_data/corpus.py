"""Rows of the synthetic corpus: what one training step reads.

A row is either sentences back to back (`sentences.py`) or a pattern over random tokens, on which only attention can
predict: repeated segments (induction), `X Y X` triplets (the previous token comes again), evenly spaced numbers, and
` again` followed by a token seen before. Fresh random tokens cannot be predicted; their loss counts `FRESH` only.
"""

import random
from dataclasses import dataclass

import sentences
from vocabulary import BOS, CLASSES, IDS, PLAIN

FRESH = 0.25
"""Weight of the loss on a token that nothing in the row predicts."""


@dataclass(frozen=True)
class Mix:
    """Shares of the rows' kinds and, within rows of sentences, of the sentences' kinds; need not sum to one."""

    rows: dict[str, float]
    sentences: dict[str, float]
    filler: float


Weighted = list[tuple[str, float]]


def row(rng: random.Random, mix: Mix, length: int) -> tuple[list[int], list[float]]:
    """One row: token ids and the weight of each token's loss, both of `length`."""
    kind = rng.choices(list(mix.rows), list(mix.rows.values()))[0]
    out: Weighted = [(BOS, 0.0)] if rng.random() < 0.5 else []
    pool = rng.choice(CLASSES) if rng.random() < 0.3 else PLAIN
    while len(out) < length:
        out += _sentence(rng, mix) if kind == "sentences" else PATTERNS[kind](rng, pool, length)
    words, weights = zip(*out[:length], strict=True)
    return [IDS[w] for w in words], list(weights)


def _sentence(rng: random.Random, mix: Mix) -> Weighted:
    kind = rng.choices(list(mix.sentences), list(mix.sentences.values()))[0]
    draw = getattr(sentences, kind)
    words = draw(rng, mix.filler) if kind in ("ioi", "other_giver", "chat") else draw(rng)
    return [(w, 1.0) for w in words]


def _fresh(rng: random.Random, pool: list[str], n: int) -> Weighted:
    return [(rng.choice(pool), FRESH) for _ in range(n)]


def _known(words: Weighted) -> Weighted:
    """A copy: its first token is fresh, the rest can be predicted."""
    return [(w, FRESH if i == 0 else 1.0) for i, (w, _) in enumerate(words)]


def induction(rng: random.Random, pool: list[str], length: int) -> Weighted:
    """Phrases in random order, a segment and its copy, or recurring pairs; gaps vary, so no fixed offset helps."""
    kind, out = rng.random(), _fresh(rng, pool, rng.randint(0, 6))
    if kind < 0.3:
        segment = _fresh(rng, pool, rng.randint(4, 36))
        return [*out, *segment, *_fresh(rng, pool, rng.randint(0, 40)), *_known(segment)]
    sizes = (2, 8) if kind < 0.8 else (2, 2)
    phrases = [_fresh(rng, pool, rng.randint(*sizes)) for _ in range(rng.randint(2, 4 if kind < 0.8 else 6))]
    seen: set[int] = set()
    while len(out) < length:
        i = rng.randrange(len(phrases))
        out += _known(phrases[i]) if i in seen else phrases[i]
        seen.add(i)
        out += _fresh(rng, pool, rng.randint(0, 4))
    return out


def echo(rng: random.Random, pool: list[str], length: int) -> Weighted:
    """`X Y X`: after any second token the one before it comes again, so attention must look one token back."""
    out: Weighted = []
    while len(out) < length:
        (x, _), (y, _) = _fresh(rng, pool, 2)
        out += [(x, FRESH), (y, FRESH), (x, 1.0)]
    return out


def counting(rng: random.Random, pool: list[str], length: int) -> Weighted:
    """Evenly spaced numbers, whose step shows only in the token before."""
    step = rng.choice((-10, -5, -2, -1, 1, 2, 5, 10))
    n, count = rng.randrange(100), rng.randint(4, 10)
    numbers = [n + step * i for i in range(count) if 0 <= n + step * i < 100]
    return [("numbers", FRESH), *((f"{v:02}", FRESH if i < 2 else 1.0) for i, v in enumerate(numbers))]


def again(rng: random.Random, pool: list[str], length: int) -> Weighted:
    """`list` and distinct tokens, some of which come a second time: each of those is followed by ` again`."""
    items = [w for w, _ in _fresh(rng, sorted(set(pool)), rng.randint(4, 12))]
    out: Weighted = [("list", FRESH)]
    seen: set[str] = set()
    for w in items + rng.sample(items, len(items) // 2):
        out.append((w, FRESH))
        if w in seen:
            out.append(("again", 1.0))
        seen.add(w)
    return out


PATTERNS = {"induction": induction, "echo": echo, "counting": counting, "again": again}
