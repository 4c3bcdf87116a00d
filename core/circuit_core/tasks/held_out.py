"""Which prompts of a task are drawn, and which are held out from those that choose a circuit: none comes twice.

A task is a cycle of strata, the kinds of prompts that it balances (for IOI: each template with IO named first, and with
S). One prompt of each is drawn in turn, without repetition; a stratum that has no more is passed over. So a set is as
balanced as it can be, and as large as was asked or as the task has prompts. Prompts that are held out are drawn in the
same way from what is left. A user's file gives its last different ones, and what repeats one of them chooses nothing.
"""

import math
import random
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import cycle, islice
from typing import Any

from circuit_core.errors import TaskError
from circuit_core.tasks.prompts import PromptPair, PromptSet, prompt_set


@dataclass(frozen=True, eq=False)
class Stratum:
    """One kind of prompt: a sentence, and the words with which it is filled in all combinations."""

    number: int
    pair: Callable[..., PromptPair]
    """Makes a prompt of one choice from each factor."""
    factors: tuple[Sequence[Any], ...]

    def __len__(self) -> int:
        """How many different prompts there are."""
        return math.prod(map(len, self.factors))

    def shuffled(self, rng: random.Random) -> Iterator[PromptPair]:
        """All of them in random order, each made when it is taken (a Fisher-Yates shuffle that keeps what it moved)."""
        moved: dict[int, int] = {}
        for i in range(len(self)):
            j = rng.randrange(i, len(self))
            place, moved[j] = moved.get(j, j), moved.get(i, i)
            chosen = []
            for factor in self.factors:
                place, at = divmod(place, len(factor))
                chosen.append(factor[at])
            yield replace(self.pair(*chosen), stratum=self.number)


def drawn(
    name: str,
    metric: str,
    strata: Sequence[Stratum],
    n: int,
    rng: random.Random,
    besides: Collection[str] | None = None,
    left_out: Collection[str] = (),
) -> PromptSet:
    """`n` different prompts, or all if there are fewer.

    Args:
        strata: in the order in which one prompt of each is drawn; one that is to lend more stands there more than once.
        besides: texts that choose the circuit; given, others are drawn, and so many there must be.
        left_out: what of the task the tokenizer cannot express.

    Raises:
        TaskError: there are not so many other texts.
    """
    pool, passed = sum(map(len, set(strata))), set(besides or ())
    left = pool - len(passed)
    if besides is not None and n > left:
        raise TaskError(
            f"{name} has {pool} different prompts for this tokenizer and {len(passed)} choose the circuit: hold out "
            f"at most {left}, not {n}."
        )
    streams = {stratum: stratum.shuffled(rng) for stratum in strata}
    fresh = (next((p for p in streams[stratum] if p.text not in passed), None) for stratum in cycle(strata))
    pairs = list(islice((pair for pair in fresh if pair), min(n, left)))
    return replace(prompt_set(name, metric, pairs, pool), left_out=tuple(left_out))


def split(prompts: PromptSet, n: int) -> tuple[PromptSet, PromptSet]:
    """Without the last `n` different prompts, and these. Raises: TaskError, if that leaves nothing."""
    read = prompts.read
    last = sorted({ids: place for place, ids in enumerate(read)}.values())
    if n >= len(last):
        raise TaskError(f"{prompts.name} has {len(last)} different prompts: hold out fewer, not {n}.")
    apart = {read[place] for place in last[-n:]}
    return prompts[[i for i, ids in enumerate(read) if ids not in apart]], prompts[last[-n:]]
