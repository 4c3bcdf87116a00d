"""What a model can do during training, in one line: the figures by which seeds are screened.

Tasks on held-out name pairs, prev/ind over repeated random tokens with the control of METHODS e.1, loss on the copy.
"""

import random

import torch
from transformers import GPTNeoXForCausalLM

from circuit_core.tasks import words
from corpus import PLAIN
from sentences import OPENINGS, held_out
from vocabulary import BOS, IDS, NUMBERS


def _logits(model, prompts: list[list[str]]) -> torch.Tensor:
    ids = [[IDS[w] for w in p] for p in prompts]
    width = max(map(len, ids))
    padded = torch.tensor([row + [0] * (width - len(row)) for row in ids])
    return model(padded).logits[torch.arange(len(ids)), torch.tensor([len(r) - 1 for r in ids])]


def _ioi(model, rng, n=80) -> tuple[float, float]:
    pairs = [p for p in ((a, b) for a in words.NAMES for b in words.NAMES if a != b) if held_out(*p)]
    prompts, answers = [], []
    for a, b in rng.sample(pairs, n):
        io, s = (a, b) if rng.random() < 0.5 else (b, a)
        text = rng.choice(OPENINGS).format(a=a, b=b, s=s, place=rng.choice(words.PLACES), thing="book")
        prompts.append(text.split())
        answers.append((IDS[io], IDS[s]))
    io, s = torch.tensor(answers).T
    logits = _logits(model, prompts)
    rows = torch.arange(n)
    diff = logits[rows, io] - logits[rows, s]
    return diff.mean().item(), (diff > 0).float().mean().item()


def _pronoun(model) -> float:
    prompts = [f"So {n} is such a good cook , isn't".split() for n in words.NAMES]
    logits = _logits(model, prompts)
    diff = logits[:, IDS["he"]] - logits[:, IDS["she"]]
    sign = torch.tensor([1.0 if n in words.MALE_NAMES else -1.0 for n in words.NAMES])
    return (diff * sign).mean().item()


def _greater_than(model, rng, n=100) -> float:
    starts = [rng.randint(2, 98) for _ in range(n)]
    prompts = [f"The war lasted from the year 17 {y:02} to the year 17".split() for y in starts]
    p = _logits(model, prompts).softmax(-1)[:, [IDS[y] for y in NUMBERS]]
    later = torch.arange(100)[None] > torch.tensor(starts)[:, None]
    return torch.where(later, p, -p).sum(-1).mean().item()


def _agreement(model) -> float:
    prompts, signs = [], []
    for noun, plural in words.NOUNS.items():
        for other in ("cabinet", "cabinets"):
            prompts += [f"The {noun} on the {other}".split(), f"The {plural} near the {other}".split()]
            signs += [1.0, -1.0]
    p = _logits(model, prompts).softmax(-1)
    difference = p[:, [IDS[v] for v in words.VERBS]].sum(-1) - p[:, [IDS[v] for v in words.VERBS.values()]].sum(-1)
    return (difference * torch.tensor(signs)).mean().item()


def _attention(model, rng) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """prev, ind (control subtracted), and the control, each [layer, head]."""
    prev, ind, control = [], [], []
    for s in (13, 19, 26, 31):
        fresh = torch.tensor([[IDS[rng.choice(PLAIN)] for _ in range(2 * s)] for _ in range(16)])
        twice = fresh[:, :s].repeat(1, 2)
        on_twice, on_fresh = (torch.stack(model(x, output_attentions=True).attentions) for x in (twice, fresh))
        at = lambda a, back: a.diagonal(-back, -2, -1).mean((1, 3))  # noqa: E731
        second = lambda a: a.diagonal(-(s - 1), -2, -1)[..., 1:].mean((1, 3))  # noqa: B023, E731
        prev.append(at(on_twice, 1))
        ind.append(second(on_twice) - second(on_fresh))
        control.append(second(on_fresh))
    return tuple(torch.stack(x).mean(0) for x in (prev, ind, control))  # type: ignore[return-value]


def _best(score: torch.Tensor) -> str:
    layer, head = divmod(int(score.argmax()), score.shape[1])
    return f"{score.max():.2f}@{layer}.{head}"


@torch.no_grad()
def figures(model: GPTNeoXForCausalLM) -> str:
    rng = random.Random(5)
    model.set_attn_implementation("eager")
    difference, accuracy = _ioi(model, rng)
    prev, ind, control = _attention(model, rng)
    x = torch.tensor([[IDS[BOS]] + [IDS[rng.choice(PLAIN)] for _ in range(30)] for _ in range(32)])
    twice = torch.cat([x, x[:, 1:]], 1)
    nll = torch.nn.functional.cross_entropy(model(twice).logits[:, 31:-1].flatten(0, 1), twice[:, 32:].flatten())
    model.set_attn_implementation("sdpa")
    return (
        f"ioi {difference:.2f}/{accuracy:.2f} pron {_pronoun(model):.2f} gt {_greater_than(model, rng):.2f} "
        f"sva {_agreement(model):.2f} prev {_best(prev)} ind {_best(ind)} (ctl {control.max():.2f}) copy-loss {nll:.2f}"
    )
