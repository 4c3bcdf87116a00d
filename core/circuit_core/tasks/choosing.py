"""Which prompts choose a circuit and which are held out from it: no clean prompt is on both sides.

A task draws at random, so what it draws may repeat. Prompts that are held out come once each; a user's file gives its
last ones, and what repeats one of them chooses nothing.
"""

from collections.abc import Collection, Iterator
from itertools import islice

from circuit_core.errors import TaskError
from circuit_core.tasks.pairs import Pair
from circuit_core.tasks.prompts import PromptSet


def take(task: str, drawn: Iterator[Pair], n: int, besides: Collection[str] | None, room: int) -> list[Pair]:
    """The first `n` pairs.

    Args:
        drawn: without end.
        besides: texts that choose the circuit; given, pairs with other texts are taken, each text once.
        room: how many different texts the task can draw.

    Raises:
        TaskError: there are not so many other texts.
    """
    if besides is None:
        return list(islice(drawn, n))
    choosing, found = set(besides), dict[str, Pair]()
    if n > room - len(choosing):
        raise TaskError(
            f"{task} has {room} different prompts for this tokenizer and {len(choosing)} choose the circuit: hold out "
            f"at most {room - len(choosing)}, not {n}."
        )
    while len(found) < n:
        pair = next(drawn)
        if pair.text not in choosing:
            found.setdefault(pair.text, pair)
    return list(found.values())


def split(prompts: PromptSet, n: int) -> tuple[PromptSet, PromptSet]:
    """Without the last `n` different prompts, and these. Raises: TaskError, if that leaves nothing."""
    read = prompts.read
    last = sorted({ids: place for place, ids in enumerate(read)}.values())
    if n >= len(last):
        raise TaskError(f"{prompts.name} has {len(last)} different prompts: hold out fewer, not {n}.")
    apart = {read[place] for place in last[-n:]}
    return prompts[[i for i, ids in enumerate(read) if ids not in apart]], prompts[last[-n:]]
