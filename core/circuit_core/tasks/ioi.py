"""Indirect object identification (METHODS d.1): "When Mary and John went to the store, John gave a drink to" -> Mary.

Two people, one of whom (S) is named again and gives; the answer is the other (IO). Half of the prompts name IO first.
The corrupted prompt differs in one token, S2, which becomes IO's name, so that the other person should receive. The
metric is logit(IO) - logit(S) after the last token.
"""

import random
from dataclasses import dataclass

import torch

from circuit_core.errors import TaskError
from circuit_core.tasks import words
from circuit_core.tasks.metrics import LogitDifference
from circuit_core.tasks.prompts import PromptSet, pad

NAME = "ioi"
NEEDED_NAMES, NEEDED_TEMPLATES = 8, 2


@dataclass(frozen=True)
class _Prompt:
    clean: list[int]
    corrupted: list[int]
    io: int
    s: int
    text: str


def generate(encode, unknown: int | None, n: int = 70, seed: int = 42, prepend: int | None = None) -> PromptSet:
    """Draw `n` prompts, the same for the same seed and tokenizer.

    Args:
        encode: text to ids, without special tokens.
        unknown: id of the unknown token, if the tokenizer has one.
        prepend: id of a BOS token to put first, or None.

    Raises:
        TaskError: the tokenizer knows too few names or templates; says which words it lacks.
    """
    ids = {name: _in_context(encode, name) for name in words.NAMES}
    names = [name for name, tokens in ids.items() if len(tokens) == 1 and tokens[0] != unknown]
    places, things = (_known(w, encode, unknown) for w in (words.PLACES, words.OBJECTS))
    templates = [
        t for t in words.IOI_TEMPLATES if unknown not in encode(t.format(a="", b="", s="", place="", thing=""))
    ]
    _check(names, places, things, templates)
    rng = random.Random(seed)
    first = [] if prepend is None else [prepend]
    return _prompt_set([_draw(rng, encode, names, places, things, templates, i, first) for i in range(n)])


def _known(candidates: tuple[str, ...], encode, unknown: int | None) -> list[str]:
    return [w for w in candidates if unknown not in _in_context(encode, w)]


def _in_context(encode, word: str) -> list[int]:
    """Tokens of a word after another one, as it stands in a prompt."""
    before = encode("and")
    return encode("and " + word)[len(before) :]


def _check(names: list[str], places: list[str], things: list[str], templates: list[str]) -> None:
    if len(names) < NEEDED_NAMES:
        missing = [n for n in words.NAMES if n not in names]
        raise TaskError(
            f"ioi needs {NEEDED_NAMES} names that are one token each; the tokenizer has {len(names)} "
            f"and lacks {', '.join(missing[:12])}."
        )
    if len(templates) < NEEDED_TEMPLATES or not places or not things:
        raise TaskError(
            f"ioi needs {NEEDED_TEMPLATES} of its sentences, a place and an object; the tokenizer knows the words of "
            f"{len(templates)} sentences, {len(places)} places and {len(things)} objects."
        )


def _draw(rng: random.Random, encode, names, places, things, templates, i: int, first: list[int]) -> _Prompt:
    io, s = rng.sample(names, 2)
    a, b = (io, s) if i % 2 else (s, io)
    fill = {"a": a, "b": b, "place": rng.choice(places), "thing": rng.choice(things)}
    template = rng.choice(templates)
    clean, corrupted = (first + encode(template.format(**fill, s=who)) for who in (s, io))
    io_id, s_id = (_in_context(encode, name)[0] for name in (io, s))
    return _Prompt(clean, corrupted, io_id, s_id, template.format(**fill, s=s))


def _prompt_set(prompts: list[_Prompt]) -> PromptSet:
    clean, end = pad([p.clean for p in prompts])
    corrupted, _ = pad([p.corrupted for p in prompts])
    io, s = (torch.tensor(x) for x in zip(*((p.io, p.s) for p in prompts), strict=True))
    positions = {
        "IO": (clean == io[:, None]).int().argmax(1),
        "S1": (clean == s[:, None]).int().argmax(1),
        "S2": (clean != corrupted).int().argmax(1),
    }
    return PromptSet(NAME, clean, corrupted, end, LogitDifference(io, s), positions, tuple(p.text for p in prompts))
