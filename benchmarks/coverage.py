"""Coverage of behaviour's 95 % interval: how often it holds the task's mean metric when the task is drawn anew.

    python benchmarks/coverage.py [CHECKPOINT ...] [--most 5000] [--redraws 2000] [--seed 0]

A checkpoint is MODEL@STEP of the sample suite. The metric of each prompt is taken on a large draw of the task: `--most`
prompts, or all that it has. From these the task is drawn again and again by its own rule, as many of each stratum as it
takes, without repetition. The mean over such draws is known, and the share of intervals that hold it is the coverage.
A part of the large draw is nearer to its mean than to that of a larger pool, so here, not in the store, the error is
multiplied by sqrt(1 - n/N). `plain` is the coverage by the error that knows no strata.
"""

import argparse
import math
import random
from collections import Counter

import torch
from jaxtyping import Float
from torch import Tensor

from circuit_core import loading
from circuit_core.behaviour import metrics
from circuit_core.models import suites
from circuit_core.statistics import StandardError
from circuit_core.tasks.prompts import PromptSet
from circuit_core.tasks.sampling import draw
from circuit_core.tasks.specs import TASKS

CHECKPOINTS = tuple(
    f"{model}@{step}" for model in ("sample-0.1m", "sample-0.2m", "sample-0.4m") for step in (1000, 7000)
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoints", nargs="*", default=CHECKPOINTS)
    parser.add_argument("--most", type=int, default=5000)
    parser.add_argument("--redraws", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(1)
    print("| checkpoint | task | prompts | of | mean | stderr | plain stderr | coverage | plain |\n|" + "---|" * 9)
    for checkpoint in args.checkpoints:
        model, step = checkpoint.split("@")
        of = loading.load(suites.sample_folder() / model / f"step{step}")
        for name in ("ioi", "gendered_pronoun", "greater_than", "subject_verb"):
            task = TASKS[name]
            prompts = draw(task, of.tokenizer, of.n_vocab, args.most)
            values = metrics(of, prompts)
            found = coverage(values, prompts, task.n, random.Random(args.seed), args.redraws)
            print(f"| {checkpoint} | {name} | {task.n} | {len(prompts)} | {found} |", flush=True)


def coverage(values: Float[Tensor, " batch"], prompts: PromptSet, n: int, rng: random.Random, redraws: int) -> str:
    """Mean, stored and plain error (means over draws) and the coverage by each, as cells of the table."""
    rows = {stratum: [i for i, s in enumerate(prompts.strata) if s == stratum] for stratum in prompts.strata}
    takes = Counter(prompts.strata[:n])  # the first prompts of a large draw are a smaller draw
    mean = sum(k * values[rows[stratum]].double().mean().item() for stratum, k in takes.items()) / n
    finite = math.sqrt(1 - n / len(prompts))
    strata = [stratum for stratum, k in takes.items() for _ in range(k)]
    errors, held = [0.0, 0.0], [0, 0]
    for _ in range(redraws):
        some = values[[i for stratum, k in takes.items() for i in rng.sample(rows[stratum], k)]]
        off = abs(some.double().mean().item() - mean)
        for i, of in enumerate((strata, ())):
            error = StandardError.of(some, of)
            assert error is not None
            errors[i] += error.value / redraws
            held[i] += off <= finite * error.half_width
    return " | ".join([f"{mean:.3f}", *(f"{e:.4f}" for e in errors), *(f"{k / redraws:.3f}" for k in held)])


if __name__ == "__main__":
    main()
