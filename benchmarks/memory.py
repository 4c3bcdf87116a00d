"""Memory of attribution beside plain Hugging Face work, each in a process of its own: MB over the loaded model.

    python benchmarks/memory.py [--shapes 70m 160m] [--threads 1]

The works are those of `benchmarks/attribution.py`. A process loads the model, does the work once on a single prompt,
resets the kernel's high-water mark of resident memory, does it in full, and prints by how much the mark rose (Linux).
"""

import argparse
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from attribution import STEPS, plain
from side_by_side import SHAPES, goal, model_of_shape, prompts

from circuit_core.attribution.edge_scores import attribute
from circuit_core.loaded_model import LoadedModel
from circuit_core.loading import as_bridge, graph_of
from circuit_core.tasks.prompts import PromptSet

WORKS = ("floor", "end floor", "attribution")


def work(name: str, shape: str) -> Callable[[PromptSet], object]:
    model = model_of_shape(shape)
    if name != "attribution":
        return lambda task: plain(model, task, end_only=name == "end floor")
    bridge = as_bridge(model)
    return lambda task: attribute(LoadedModel(bridge, graph_of(bridge)), task, ig_steps=STEPS)


def resident(field: str) -> float:
    """MB of this process: `VmRSS` now, or `VmHWM` at its peak."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1000


def extra(name: str, shape: str) -> float:
    """MB by which resident memory rises above that of the loaded model."""
    run, task = work(name, shape), prompts()
    run(task[:1])
    Path("/proc/self/clear_refs").write_text("5")
    before = resident("VmRSS")
    run(task)
    return resident("VmHWM") - before


def measure(name: str, shape: str, threads: int) -> float:
    one = [sys.executable, __file__, "--only", name, "--shapes", shape, "--threads", str(threads)]
    return float(subprocess.run(one, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=["70m", "160m"])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", choices=WORKS, help="measure this one here, and print nothing else")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    if args.only:
        print(extra(args.only, args.shapes[0]))
        return
    for shape in args.shapes:
        peak = {name: measure(name, shape, args.threads) for name in WORKS}
        print(f"{shape:5}", ", ".join(f"{name} {value:.0f} MB" for name, value in peak.items()), end="; ")
        print(f"attribution / floor {peak['attribution'] / peak['floor']:.2f}{goal(shape, 1.8)}")


if __name__ == "__main__":
    main()
