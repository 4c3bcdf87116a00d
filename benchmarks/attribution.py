"""Attribution beside plain Hugging Face work, in one process, interleaved: CPU seconds and ratios, medians of 5.

    python benchmarks/attribution.py [--shape 70m|160m] [--repeats 5] [--threads 1]

A random GPT-NeoX of a Pythia's shape, 16 prompts x 20 tokens, EAP-IG with m = 5. `floor` is what any implementation
would do without scoring an edge: 5 forward and backward passes and 2 forward passes with logits at every position;
`end floor` unembeds the answer positions only.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

from circuit_core.circuits.attribution import attribute
from circuit_core.loading import as_bridge, graph_of
from circuit_core.tasks.metrics import LogitDifference
from circuit_core.tasks.prompts import PromptSet

STEPS, ROWS, LENGTH = 5, 16, 20
SHAPES = {"70m": (6, 8, 512), "160m": (12, 12, 768)}
"""Layers, heads, width."""


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
    clean = torch.randint(0, 50000, (ROWS, LENGTH))
    corrupted = torch.randint(0, 50000, (ROWS, LENGTH))
    answers = torch.randint(0, 50000, (2, ROWS))
    return PromptSet(
        "random", clean, corrupted, torch.full((ROWS,), LENGTH - 1), LogitDifference(answers[0], answers[1])
    )


def plain(model: GPTNeoXForCausalLM, task: PromptSet, end_only: bool) -> None:
    """The floor: the passes of EAP-IG without its scores."""
    rows = torch.arange(len(task))

    def logits(embedded: torch.Tensor) -> torch.Tensor:
        if not end_only:
            return model(inputs_embeds=embedded).logits[rows, task.end]
        hidden = model.gpt_neox(inputs_embeds=embedded).last_hidden_state
        return model.lm_head(hidden[rows, task.end])

    embed = model.get_input_embeddings()
    clean, corrupted = embed(task.clean), embed(task.corrupted)
    with torch.no_grad():
        for embedded in (clean, corrupted):
            logits(embedded)
    for k in range(1, STEPS + 1):
        leaf = (corrupted + k / STEPS * (clean - corrupted)).requires_grad_(True)
        torch.autograd.grad(-task.metric(logits(leaf)).sum(), leaf)


def seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--shape", choices=SHAPES, default="70m")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    bare, task = model_of_shape(args.shape), prompts()
    bridge = as_bridge(model_of_shape(args.shape))
    graph = graph_of(bridge)
    works: dict[str, Callable[[], object]] = {
        "floor": lambda: plain(bare, task, end_only=False),
        "end floor": lambda: plain(bare, task, end_only=True),
        "attribution": lambda: attribute(bridge, graph, task, ig_steps=STEPS),
    }
    times = {name: [] for name in works}
    for work in works.values():
        work()
    for _ in range(args.repeats):
        for name, work in works.items():
            times[name].append(seconds(work))
    median = {name: statistics.median(values) for name, values in times.items()}
    for name, value in median.items():
        spread = f"{min(times[name]):.2f} to {max(times[name]):.2f}"
        print(f"{name:12} {value:6.2f} CPU s ({spread})")
    print(f"attribution / floor      {median['attribution'] / median['floor']:.2f}   (goal: at most 0.65)")
    print(f"attribution / end floor  {median['attribution'] / median['end floor']:.2f}")


if __name__ == "__main__":
    main()
