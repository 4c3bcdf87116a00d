"""Error bars of circuits: what they cost, and whether noise floors hold circuits of other prompts (METHODS l.10).

    python benchmarks/error_bars.py [--shape 70m|160m] [--repeats 5] [--threads 1] [--task ioi] [--pairs 40]

Cost: attribution alone, with the scores of each prompt, and error bars with floors by 200 resamples; CPU seconds by
turns, of the largest sample model and of a random GPT-NeoX of a Pythia's shape. Coverage, on the sample model: the
circuits of so many pairs of fresh draws, each of half the task's prompts. A pair is inside if it is not less alike than
both its floors, the 2.5 % quantiles; stricter, by the one floor of a draw of all prompts, whose halves are as large.
"""

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from side_by_side import arguments, medians, model_of_shape, prompts

from circuit_core import TASKS, loading
from circuit_core.attribution.edge_scores import EdgeScores, attribute
from circuit_core.circuits import selection
from circuit_core.circuits.error_bars import ErrorBars, error_bars
from circuit_core.loaded_model import LoadedModel
from circuit_core.models.suites import sample_folder
from circuit_core.tasks.prompts import PromptSet
from circuit_core.tasks.sampling import draw
from circuit_core.trends.similarity import Members, Similarity, similarity

SIZES = {"sample-0.4m": 150, "70m": 200, "160m": 500, "410m": 1000}
"""Edges of the circuit."""


def bars(found: EdgeScores, n: int, strata: tuple[int, ...]) -> ErrorBars:
    members = selection.circuit(selection.order(found.scores, found.graph), n, found.graph)
    return error_bars(found, found.graph.real, members, n, "greedy", strata, 42, 200)


def cost(name: str, model: LoadedModel, task: PromptSet, repeats: int) -> None:
    print(f"{name}, {len(task)} prompts, {model.graph.n_edges} edges")
    score = partial(attribute, model, task)
    found = score(kept=model.graph.real)
    works = {
        "attribution": score,
        "with each prompt": partial(score, kept=model.graph.real),
        "error bars": partial(bars, found, SIZES[name], task.strata),
    }
    median = medians(works, repeats)
    for work, most in (("with each prompt", 1.1), ("error bars", 0.1)):
        print(f"{work} / attribution  {median[work] / median['attribution']:.3f}   (goal: at most {most})")


def alike(pair: list[EdgeScores], n: int) -> Similarity:
    circuits, graph = [], pair[0].graph
    for found in pair:
        source, port = np.nonzero(selection.circuit(selection.order(found.scores, graph), n, graph))
        edges = port * graph.n_sources + source
        circuits.append(Members.of(graph, edges, found.scores[source, port].astype(float)))
    return similarity(*circuits)


def coverage(loaded: LoadedModel, task: str, n: int, pairs: int) -> None:
    def scored(spec: Any) -> tuple[EdgeScores, ErrorBars]:
        drawn = draw(spec, loaded.tokenizer, loaded.n_vocab)
        found = attribute(loaded, drawn, kept=loaded.graph.real)
        return found, bars(found, n, drawn.strata)

    whole, half = TASKS[task], replace(TASKS[task], n=TASKS[task].n // 2)
    fresh = [[scored(replace(half, seed=1000 + 2 * i + j)) for j in range(2)] for i in range(pairs)]
    each = [alike([found for found, _ in pair], n) for pair in fresh]
    for kind, floor in scored(whole)[1].floors.items():
        values = [getattr(of, f"{kind}_jaccard") for of in each]
        own = [min(found.floors[kind].low or 0 for _, found in pair) for pair in fresh]
        inside = sum(value >= low for value, low in zip(values, own, strict=True))
        of_whole = sum(value >= (floor.low or 0) for value in values)
        print(f"{task}, {n} edges, {kind} Jaccard {np.mean(values):.3f}, floors {np.mean(own):.3f}: ", end="")
        print(f"{inside} of {pairs} inside (goal: {0.9 * pairs:.0f}); by one floor of {whole.n} prompts", end=" ")
        print(f"({floor.mean:.3f}, low {floor.low:.3f}) {of_whole}")


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--task", default="ioi")
    parser.add_argument("--pairs", type=int, default=40)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    loaded = loading.load(sample_folder() / "sample-0.4m" / "step7000")
    if args.pairs:
        coverage(loaded, args.task, SIZES["sample-0.4m"], args.pairs)
    drawn = draw(TASKS[args.task], loaded.tokenizer, loaded.n_vocab)
    cost("sample-0.4m", loaded, drawn, args.repeats)
    bridge = loading.as_bridge(model_of_shape(args.shape))
    cost(args.shape, LoadedModel(bridge, loading.graph_of(bridge)), prompts(), args.repeats)


if __name__ == "__main__":
    main()
