"""What a checkpoint of the suite can do: tasks on held-out prompts, each role's best head, loss on a repeated text.

    python sample_data/figures.py [FOLDER]

prints the tables of docs/sample-suite.md from the checkpoints as they lie there. Head roles and tasks are computed by
the program itself; IOI alone has prompts of its own, with name pairs that training never showed as giver and receiver.
"""

import math
import random
import sys
from dataclasses import dataclass
from pathlib import Path

import torch

from circuit_core import loading
from circuit_core.behaviour import behaviour
from circuit_core.heads.attention import RoleScores, attention_roles, drawable
from circuit_core.heads.name_movers import copy_scores
from circuit_core.models import suites
from circuit_core.tasks import words
from circuit_core.tasks.sampling import draw
from circuit_core.tasks.specs import TASKS
from sentences import OPENINGS, held_out
from vocabulary import BOS, IDS, PLAIN

SOLVED = ("gendered_pronoun", "greater_than", "subject_verb")
"""Tasks beside IOI."""


@dataclass(frozen=True)
class Figures:
    """One line of the table."""

    ioi: float
    """Logit difference on held-out pairs."""
    ioi_accuracy: float
    pronoun: float
    """Logit difference of he and she."""
    greater_than: float
    """Probability of later years minus earlier ones."""
    agreement: float
    """Probability of verbs in the subject's number minus the other."""
    copy_loss: float
    """Nats a token on the second copy of 30 random tokens; uniform is log 308 = 5.73."""
    roles: dict[str, RoleScores]

    def __str__(self) -> str:
        tasks = f"{self.ioi:.2f} / {self.ioi_accuracy:.2f} | {self.pronoun:.2f} | {self.greater_than:.2f}"
        heads = " | ".join(_best(self.roles[role]) for role in ("previous_token", "induction", "name_mover"))
        return f"{tasks} | {self.agreement:.2f} | {self.copy_loss:.2f} | {heads}"


HEADER = (
    "| step | IOI / acc | pronoun | gt | sva | copy loss | previous token | induction (raw, control) | name mover |"
)


def _best(scores: RoleScores) -> str:
    layer, head = divmod(int(scores.value.argmax()), scores.value.shape[1])
    text = f"{scores.value[layer, head]:.2f} a{layer}.h{head}"
    if scores.raw is None or scores.control is None:
        return text
    return f"{text} ({scores.raw[layer, head]:.2f}, {scores.control[layer, head]:.2f})"


@torch.no_grad()
def figures(folder: Path) -> Figures:
    of = loading.load(folder)
    rng = random.Random(5)
    difference, accuracy = _ioi(of.bridge, rng)
    prompts = {name: draw(TASKS[name], of.tokenizer, of.n_vocab) for name in ("ioi", *SOLVED)}
    roles = attention_roles(of, drawable(len(IDS), [0, 1]), 128)
    found = {r.role: r for r in [*roles, copy_scores(of, prompts["ioi"])[0]]}
    solved = (behaviour(of, prompts[name]).value for name in SOLVED)
    pronoun, greater_than, agreement = (value if value is not None else math.nan for value in solved)
    return Figures(difference, accuracy, pronoun, greater_than, agreement, _copy_loss(of.bridge, rng), found)


def _logits(model, prompts: list[list[str]]) -> torch.Tensor:
    """Logits after the last word of each prompt."""
    ids = [[IDS[w] for w in p] for p in prompts]
    width = max(map(len, ids))
    padded = torch.tensor([row + [0] * (width - len(row)) for row in ids])
    return model(padded)[torch.arange(len(ids)), torch.tensor([len(r) - 1 for r in ids])]


def _ioi(model, rng: random.Random, n: int = 80) -> tuple[float, float]:
    pairs = [p for p in ((a, b) for a in words.NAMES for b in words.NAMES if a != b) if held_out(*p)]
    prompts, answers = [], []
    for a, b in rng.sample(pairs, n):
        io, s = (a, b) if rng.random() < 0.5 else (b, a)
        text = rng.choice(OPENINGS).format(a=a, b=b, s=s, place=rng.choice(words.PLACES), thing="book")
        prompts.append(text.split())
        answers.append((IDS[io], IDS[s]))
    io, s = torch.tensor(answers).T
    logits, rows = _logits(model, prompts), torch.arange(n)
    difference = logits[rows, io] - logits[rows, s]
    return difference.mean().item(), (difference > 0).float().mean().item()


def _copy_loss(model, rng: random.Random) -> float:
    once = torch.tensor([[IDS[BOS]] + [IDS[rng.choice(PLAIN)] for _ in range(30)] for _ in range(32)])
    twice = torch.cat([once, once[:, 1:]], 1)
    log_probs = model(twice)[:, 31:-1].log_softmax(-1)
    return -log_probs.gather(-1, twice[:, 32:, None]).mean().item()


def main() -> None:
    torch.set_num_threads(1)
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else suites.sample_folder()
    for model in sorted(root.glob("sample-*")):
        print(f"\n### {model.name}\n\n{HEADER}\n|{'---|' * 9}")
        for folder in sorted(model.glob("step*"), key=lambda f: int(f.name[4:])):
            print(f"| {folder.name[4:]} | {figures(folder)} |", flush=True)


if __name__ == "__main__":
    main()
