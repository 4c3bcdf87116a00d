"""How often the interval of a stage's percent, of 70 prompts, holds the percent of all prompts.

    python benchmarks/stage_coverage.py [--prompts 3000] [--redraws 2000] [--n 70] [MODEL@STEP ... | reference]

All prompts are one large draw without repetition: effects and copy scores are computed once, prompt by prompt. Each
redraw takes 70 of them without repetition, as many of each stratum as the task's first 70 have, and computes the
interval by the same functions as `--analyses algorithm`. Receivers of later stages are those of all prompts. Pool
correction: 70 of 3,000 are not drawn from an endless supply, so both ends are moved towards the percent by the factor
sqrt(1 - 70 / 3000) = .988, but for an end of 0 or 100. Aim: coverage of .90 to .98.

No sample checkpoint has S-inhibition heads. Where a redraw finds one all the same, its interval should hold 0. The
stage, and the one after it, are measured on `reference`: the random model of the tests, random prompts of which two
tokens are names, answers of which the corruption takes something in each prompt, every head a name mover, and every
other head above the mean in induction and duplicate token.
"""

import argparse
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from circuit_core import TASKS, draw, load
from circuit_core.loaded_model import LoadedModel
from circuit_core.models import suites
from circuit_core.patching.effects import Effects
from circuit_core.patching.ioi_algorithm import STAGES, Options, Roles, induction_and_duplicate, movers_and_suppressors
from circuit_core.patching.path_patching import PathPatching
from circuit_core.patching.s_inhibition import EFFECT_BELOW, TESTED, counterfactuals, inhibits_s
from circuit_core.patching.stages import Stage, as_heads, stage
from circuit_core.statistics import Resampling
from circuit_core.tasks.metrics import LogitDifference
from circuit_core.tasks.prompts import PromptSet
from circuit_sweep.planning import texts
from circuit_sweep.worker.head_roles import HeadRoles

CASES = ("sample-0.1m@7000", "sample-0.2m@7000", "sample-0.4m@3500", "sample-0.4m@7000", "reference")
GOLDEN = Path(__file__).parents[1] / "tests" / "golden" / "neox_parallel" / "model"


@dataclass(frozen=True)
class Pool:
    """What the stages are computed from; the later ones' parts are None without receivers."""

    roles: Roles
    direct: Effects
    queries: Effects | None = None
    tested: Effects | None = None
    values: Effects | None = None

    def of(self, rows: torch.Tensor) -> "Pool":
        names, negative = (s[..., rows] for s in (self.roles.name_mover, self.roles.negative_name_mover))
        later = (some and _of(some, rows) for some in (self.queries, self.tested, self.values))
        return Pool(replace(self.roles, name_mover=names, negative_name_mover=negative), _of(self.direct, rows), *later)

    def stages(self, draws: Resampling) -> Iterator[Stage]:
        """As far as they have receivers."""
        w = draws.weights
        yield stage(STAGES[0], movers_and_suppressors(self.direct, self.roles, Options(), w), self.direct, draws)
        if self.queries and self.tested:
            classes = {"s_inhibition": (self.queries.weighted(w).effect < EFFECT_BELOW) & inhibits_s(self.tested, w)}
            yield stage(STAGES[1], classes, self.queries, draws)
        if self.values:
            yield stage(STAGES[2], induction_and_duplicate(self.values, self.roles, w), self.values, draws)


def _of(found: Effects, rows: torch.Tensor) -> Effects:
    looks = {name: value[..., rows] for name, value in found.attention.items()}
    before = {name: value[rows] for name, value in found.attention_clean.items()}
    clean, corrupted = found.metric_clean[rows], found.metric_corrupted[rows]
    return Effects(found.patched[..., rows], clean, corrupted, looks, before, found.rounding)


def measured(of: LoadedModel, prompts: PromptSet, roles: Roles) -> Pool:
    """Effects of all prompts, each stage's receivers chosen by the one before."""
    patching, once = PathPatching(of, prompts), torch.ones(1, len(prompts))
    found = Pool(roles, patching("logits"))
    classes = movers_and_suppressors(found.direct, roles, Options(), once)
    movers = [f"a{layer}.h{head}<q>" for layer, head in as_heads(classes["name_mover"][0]) if layer]
    if not movers:
        return found
    queries, swapped = patching(movers), counterfactuals(prompts)[TESTED]
    tested = patching(movers, positions="end", source=swapped)
    found = replace(found, queries=queries, tested=tested)
    inhibits = (queries.weighted(once).effect < EFFECT_BELOW) & inhibits_s(tested, once)
    suppress = classes.get("copy_suppression", torch.zeros_like(inhibits))
    receivers = [f"a{layer}.h{head}<v>" for layer, head in as_heads((inhibits & ~suppress)[0]) if layer]
    return replace(found, values=patching(receivers)) if receivers else found


def sample(name: str, n: int) -> tuple[Pool, PromptSet]:
    model, step = name.split("@")
    of = load(suites.sample_folder() / model / f"step{step}")
    prompts = draw(TASKS["ioi"], of.tokenizer, of.n_vocab, n, besides=())
    return measured(of, prompts, HeadRoles(of, texts.of_the_samples().content).of_stages(prompts, "default")), prompts


def reference(n: int) -> tuple[Pool, PromptSet]:
    of, generator = load(GOLDEN), torch.Generator().manual_seed(0)
    tokens = torch.rand(n, of.n_vocab, generator=generator).argsort(1)[:, :10]
    clean, corrupted = tokens.clone(), tokens.clone()
    clean[:, 5], corrupted[:, 5] = tokens[:, 3], tokens[:, 1]
    change = (of.bridge(clean) - of.bridge(corrupted))[:, 9].detach()
    answers = LogitDifference(change.argmax(1), change.argmin(1))
    places = {who: torch.full((n,), place) for who, place in {"IO": 1, "S1": 3, "S2": 5}.items()}
    prompts = PromptSet("reference", clean, corrupted, torch.full((n,), 9), answers, places)
    shape = (of.graph.n_layers, of.graph.n_heads)
    some, every = torch.arange(shape[0] * shape[1]).view(shape) % 2 / 1.0, torch.ones(*shape, n)
    return measured(of, prompts, Roles(every, 0 * every, some, some)), prompts


def redraws(strata: torch.Tensor, n: int, times: int) -> Iterator[torch.Tensor]:
    """Prompts of the pool without repetition, strata in order and each as often as among the first `n`."""
    generator = torch.Generator().manual_seed(1)
    kinds, counts = strata[:n].unique(return_counts=True)
    for _ in range(times):
        order = torch.randperm(len(strata), generator=generator)
        yield torch.cat([order[strata[order] == kind][:count] for kind, count in zip(kinds, counts, strict=True)])


@dataclass
class Count:
    """Of one stage's redraws."""

    intervals: int = 0
    inside: int = 0
    below: int = 0
    """Intervals that lie wholly below the percent of all prompts."""
    width: float = 0.0


def coverage(pool: Pool, strata: torch.Tensor, n: int, times: int) -> list[str]:
    """A row of the table for each stage that has receivers."""
    whole = list(pool.stages(Resampling(torch.ones(1, len(strata)), [])))
    draws, counts = Resampling.of(n, strata[:n].sort().values.tolist()), [Count() for _ in whole]
    shrink = math.sqrt(1 - n / len(strata))
    for rows in redraws(strata, n, times):
        for all_of, found, count in zip(whole, pool.of(rows).stages(draws), counts, strict=True):
            if found.percent is None or found.low is None or found.high is None or all_of.percent is None:
                continue
            low, high = (_shrunk(end, found.percent, shrink) for end in (found.low, found.high))
            count.intervals += 1
            count.inside += low <= all_of.percent <= high
            count.below += high < all_of.percent
            count.width += high - low
    return [
        f"{s.name} | {s.percent:.1f} | {c.inside / c.intervals:.3f} | {c.below / c.intervals:.3f} |"
        f" {c.width / c.intervals:.1f} | {times - c.intervals}"
        for s, c in zip(whole, counts, strict=True)
        if c.intervals
    ]


def _shrunk(end: float, percent: float, factor: float) -> float:
    return end if end in (0, 100) else percent + factor * (end - percent)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", default=CASES, metavar="MODEL@STEP")
    parser.add_argument("--prompts", type=int, default=3000)
    parser.add_argument("--redraws", type=int, default=2000)
    parser.add_argument("--n", type=int, default=70)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    print("| model | stage | percent of all | coverage | interval below | width | redraws without interval |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for case in args.cases:
        pool, prompts = reference(args.prompts) if case == "reference" else sample(case, args.prompts)
        strata = getattr(prompts, "strata", None)
        strata = torch.zeros(len(prompts), dtype=torch.long) if strata is None else torch.as_tensor(strata)
        for row in coverage(pool, strata, args.n, args.redraws):
            print(f"| {case} | {row} |", flush=True)


if __name__ == "__main__":
    main()
