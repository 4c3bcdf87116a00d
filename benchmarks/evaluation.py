"""Circuits of eleven sizes beside plain forwards, in one process, interleaved: CPU seconds and ratios, medians of 5.

    python benchmarks/evaluation.py [--shape 70m|160m] [--selector greedy|topn] [--repeats 5] [--threads 1]

A random GPT-NeoX of a Pythia's shape, 16 prompts x 20 tokens that differ from the first token on. `forward` is the
Hugging Face model with logits at every position. `evaluation` makes the clean and the corrupted run and evaluates the
pruned circuits of .1, .2, .5, 1, 2, 5, 10, 20, 30, 50 and 100 % of the edges, in the order of their EAP-IG scores.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

from circuit_core.circuits import selection
from circuit_core.circuits.attribution import attribute
from circuit_core.circuits.interchange import Interchange
from circuit_core.loading import as_bridge, graph_of
from circuit_core.tasks.metrics import LogitDifference
from circuit_core.tasks.prompts import PromptSet

ROWS, LENGTH = 16, 20
SHAPES = {"70m": (6, 8, 512), "160m": (12, 12, 768)}
"""Layers, heads, width."""
SHARES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0)


def model_of_shape(shape: str) -> GPTNeoXForCausalLM:
    torch.manual_seed(0)
    layers, heads, width = SHAPES[shape]
    config = GPTNeoXConfig(
        vocab_size=50304,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=4 * width,
    )
    model = GPTNeoXForCausalLM(config).eval().requires_grad_(False)
    model.set_attn_implementation("eager")
    return model


def prompts() -> PromptSet:
    clean, corrupted = torch.randint(0, 50000, (2, ROWS, LENGTH))
    correct, wrong = torch.randint(0, 50000, (2, ROWS))
    return PromptSet("random", clean, corrupted, torch.full((ROWS,), LENGTH - 1), LogitDifference(correct, wrong))


@torch.no_grad()
def forward(model: GPTNeoXForCausalLM, task: PromptSet) -> None:
    model(task.clean)


def seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--shape", choices=SHAPES, default="70m")
    parser.add_argument("--selector", choices=selection.SELECTORS, default="greedy")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    bare, bridge = model_of_shape(args.shape), as_bridge(model_of_shape(args.shape))
    task, graph = prompts(), graph_of(bridge)
    ordered = selection.order(attribute(bridge, graph, task).scores, graph, args.selector)
    masks = np.stack([selection.circuit(ordered, int(graph.n_edges * share), graph) for share in SHARES])
    works: dict[str, Callable[[], object]] = {
        "forward": lambda: forward(bare, task),
        "evaluation": lambda: Interchange(bridge, graph, task).metrics(masks),
    }
    times: dict[str, list[float]] = {name: [] for name in works}
    for work in works.values():
        work()
    for _ in range(args.repeats):
        for name, work in works.items():
            times[name].append(seconds(work))
    median = {name: statistics.median(values) for name, values in times.items()}
    for name, value in median.items():
        print(f"{name:12} {value:6.2f} CPU s ({min(times[name]):.2f} to {max(times[name]):.2f})")
    print(f"evaluation / forward  {median['evaluation'] / median['forward']:.2f}   (goal: at most 4)")


if __name__ == "__main__":
    main()
