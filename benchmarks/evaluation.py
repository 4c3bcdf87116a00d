"""Circuits of eleven sizes beside plain forwards, in one process, interleaved: CPU seconds and ratios, medians of 5.

    python benchmarks/evaluation.py [--shape 70m|160m] [--selector greedy|topn] [--repeats 5] [--threads 1]

A random GPT-NeoX of a Pythia's shape, 16 prompts x 20 tokens that differ from the first token on. `forward` is the
Hugging Face model with logits at every position. `evaluation` makes the clean and the corrupted run and evaluates the
pruned circuits of .1, .2, .5, 1, 2, 5, 10, 20, 30, 50 and 100 % of the edges, in the order of their EAP-IG scores.
"""

from collections.abc import Callable

import numpy as np
import torch
from side_by_side import arguments, goal, medians, model_of_shape, prompts
from transformers import GPTNeoXForCausalLM

from circuit_core.attribution.edge_scores import attribute
from circuit_core.circuits import selection
from circuit_core.interchange.evaluation import Interchange
from circuit_core.loaded_model import LoadedModel
from circuit_core.loading import as_bridge, graph_of
from circuit_core.tasks.prompts import PromptSet

SHARES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0)


@torch.no_grad()
def forward(model: GPTNeoXForCausalLM, task: PromptSet) -> None:
    model(task.clean)


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--selector", choices=selection.SELECTORS, default="greedy")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    bare, bridge = model_of_shape(args.shape), as_bridge(model_of_shape(args.shape))
    task, graph = prompts(), graph_of(bridge)
    ordered = selection.order(attribute(LoadedModel(bridge, graph), task).scores, graph, args.selector)
    masks = np.stack([selection.circuit(ordered, int(graph.n_edges * share), graph) for share in SHARES])
    works: dict[str, Callable[[], object]] = {
        "forward": lambda: forward(bare, task),
        "evaluation": lambda: Interchange(LoadedModel(bridge, graph), task).metrics(masks),
    }
    median = medians(works, args.repeats)
    print(f"evaluation / forward  {median['evaluation'] / median['forward']:.2f}{goal(args.shape, 4)}")


if __name__ == "__main__":
    main()
