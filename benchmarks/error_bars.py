"""Error bars of circuits: what they cost, and whether noise floors hold circuits of other prompts (METHODS l.10).

    python benchmarks/error_bars.py [--shape 70m|160m] [--repeats 5] [--threads 1] [--task ioi] [--pairs 40]

Cost: attribution alone, with the scores of each prompt, and error bars with floors by 200 resamples; CPU seconds by
turns, of the largest sample model and of a random GPT-NeoX of a Pythia's shape. Coverage, on the sample model: the
circuits of so many pairs of fresh draws, each of half as many prompts as choose the circuit; a pair is inside if it is
no less alike than the floor's 2.5 % quantile.
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
from circuit_core.graph import Graph
from circuit_core.models.suites import sample_folder
from circuit_core.tasks.prompts import PromptSet
from circuit_core.tasks.sampling import draw
from circuit_core.trends.similarity import Members, Similarity, similarity

SIZES = {"sample-0.4m": 150, "70m": 200, "160m": 500, "410m": 1000}
"""Edges of the circuit."""


def bars(found: EdgeScores, n: int, strata: tuple[int, ...]) -> ErrorBars:
    members = selection.circuit(selection.order(found.scores, found.graph), n, found.graph)
    return error_bars(found, found.graph.real, members, n, "greedy", strata, 42, 200)


def cost(name: str, bridge: Any, graph: Graph, task: PromptSet, repeats: int) -> None:
    print(f"{name}, {len(task)} prompts, {graph.n_edges} edges")
    score = partial(attribute, bridge, graph, task)
    found = score(kept=graph.real)
    works = {
        "attribution": score,
        "with each prompt": partial(score, kept=graph.real),
        "error bars": partial(bars, found, SIZES[name], task.strata),
    }
    median = medians(works, repeats)
    for work, most in (("with each prompt", 1.1), ("error bars", 0.1)):
        print(f"{work} / attribution  {median[work] / median['attribution']:.3f}   (goal: at most {most})")


def alike(graph: Graph, pair: list[EdgeScores], n: int) -> Similarity:
    circuits = []
    for found in pair:
        source, port = np.nonzero(selection.circuit(selection.order(found.scores, graph), n, graph))
        circuits.append(Members.of(graph, port * graph.n_sources + source, found.scores[source, port]))
    return similarity(*circuits)


def coverage(loaded: loading.LoadedModel, task: str, n: int, pairs: int) -> None:
    def scores(spec: Any, **more: Any) -> tuple[EdgeScores, PromptSet]:
        drawn = draw(spec, loaded.tokenizer, loaded.n_vocab)
        return attribute(loaded.bridge, loaded.graph, drawn, **more), drawn

    spec = TASKS[task]
    found, drawn = scores(spec, kept=loaded.graph.real)
    floors = bars(found, n, drawn.strata).floors
    half = replace(spec, n=len(drawn) // 2)
    fresh = [[scores(replace(half, seed=1000 + 2 * i + j))[0] for j in range(2)] for i in range(pairs)]
    each = [alike(loaded.graph, pair, n) for pair in fresh]
    for kind, floor in floors.items():
        values = [getattr(of, f"{kind}_jaccard") for of in each]
        inside = sum(value >= (floor.low or 0) for value in values)
        about = f"floor {floor.mean:.3f}, low {floor.low:.3f}; fresh pairs {np.mean(values):.3f}"
        print(f"{task}, {n} edges, {kind}: {about}; inside {inside} of {pairs}   (goal: at least {0.9 * pairs:.0f})")


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
    cost("sample-0.4m", loaded.bridge, loaded.graph, drawn, args.repeats)
    bridge = loading.as_bridge(model_of_shape(args.shape))
    cost(args.shape, bridge, loading.graph_of(bridge), prompts(), args.repeats)


if __name__ == "__main__":
    main()
