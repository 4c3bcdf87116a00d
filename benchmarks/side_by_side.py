"""What the benchmarks of the mathematics share: random models of a Pythia's shape, prompts, interleaved CPU times."""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

from circuit_core.tasks.metrics import LogitDifference
from circuit_core.tasks.prompts import PromptSet

ROWS, LENGTH = 16, 20
SHAPES = {
    "tiny": (2, 2, 32),
    "70m": (6, 8, 512),
    "160m": (12, 12, 768),
    "410m": (24, 16, 1024),
    "1.4b": (24, 16, 2048),
    "2.8b": (32, 32, 2560),
}
"""Layers, heads, width."""
AIMED_AT = "70m"
"""The shape that the goals are of."""


def arguments(about: str | None, shaped: bool = True) -> argparse.ArgumentParser:
    """`--repeats` and `--threads`, and `--shape` if the benchmark takes one."""
    parser = argparse.ArgumentParser(description=(about or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    if shaped:
        parser.add_argument("--shape", choices=SHAPES, default="70m")
    return parser


def model_of_shape(shape: str) -> GPTNeoXForCausalLM:
    torch.manual_seed(0)
    layers, heads, width = SHAPES[shape]
    config = GPTNeoXConfig(
        vocab_size=vocabulary(shape),
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=4 * width,
    )
    model = GPTNeoXForCausalLM(config).eval().requires_grad_(False)
    model.set_attn_implementation("eager")
    return model


def vocabulary(shape: str) -> int:
    return 512 if shape == "tiny" else 50304


def prompts(rows: int = ROWS, length: int = LENGTH, ids: int = 50000) -> PromptSet:
    """Pairs that differ from the first token on, of the first `ids` tokens."""
    clean, corrupted = torch.randint(0, ids, (2, rows, length))
    correct, wrong = torch.randint(0, ids, (2, rows))
    return PromptSet("random", clean, corrupted, torch.full((rows,), length - 1), LogitDifference(correct, wrong))


def goal(shape: str, most: float) -> str:
    return f"   (goal: at most {most})" if shape == AIMED_AT else ""


def seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def medians(works: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """CPU seconds of each work, by turns and once beforehand; prints them with their spread."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for work in works.values():
        work()
    for _ in range(repeats):
        for name, work in works.items():
            times[name].append(seconds(work))
    median = {name: statistics.median(values) for name, values in times.items()}
    for name, value in median.items():
        print(f"{name:22} {value:6.2f} CPU s ({min(times[name]):.2f} to {max(times[name]):.2f})")
    return median
