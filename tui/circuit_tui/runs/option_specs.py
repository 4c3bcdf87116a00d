"""The options that say what to sweep: those of `run`, which the explorer's dialog reads as well."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from click import Choice, IntRange, argument, command, option
from click import Path as PathType

from circuit_core.attribution.methods import METHODS, RULES, THRESHOLDS

with_or_without_bos = option(
    "--prepend-bos/--no-prepend-bos", default=None, help="Whether prompts begin with a BOS token; default: the task's."
)

_OPTIONS = (
    argument("models", nargs=-1, required=True, metavar="MODEL..."),
    option("--checkpoints", default="all", help="all, log, sparse, linear, final, or steps such as 0,512,final."),
    option("--tasks", default="ioi", help="Tasks or files of pairs, separated by commas (see `tasks`)."),
    with_or_without_bos,
    option(
        "--analyses",
        default="behaviour,circuit,heads",
        show_default=True,
        help="These, algorithm, or all; separated by commas.",
    ),
    option("--method", default="eap-ig", type=Choice(METHODS), help="How edges are scored."),
    option("--ig-steps", default=5, type=IntRange(1), help="Points at which EAP-IG takes gradients."),
    option("--ig-rule", default="paper", type=Choice(RULES), help="Which points."),
    option("--select", "selector", default="greedy", type=Choice(["greedy", "topn"]), help="Order of edges."),
    option("--search", default="grid", type=Choice(["grid", "paper", "code"]), help="How sizes are searched."),
    option("--sizes", metavar="N,N", default="", help="Evaluate circuits of so many edges instead of searching."),
    option("--held-out", default=0, type=IntRange(0), help="Measure circuits on so many other prompts, too."),
    option("--threshold", default=0.8, type=float, help="Faithfulness that a circuit must reach."),
    option("--threshold-on", default="raw", type=Choice(THRESHOLDS), help="Which faithfulness: raw, as the paper."),
    option("--areas", default="none", type=Choice(["none", "mib"]), help="mib: CPR and CMD of the edge scores, too."),
    option("--preset", default="default", type=Choice(["default", "paper-code"]), help="See the README."),
    option("--text", type=PathType(path_type=Path), help="Text for copy suppression; else the last that gave scores."),
    option("--device", default="auto", help="cpu, cuda, GPUs as in cuda:0,cuda:1; auto takes one if there is any."),
    option("--dtype", default="float32", type=Choice(["float32", "float64", "bfloat16", "float16"])),
    option("--workers", default=1, type=IntRange(1, 256), help="Workers on the CPU, which share its cores."),
    option("--per-gpu", default=1, type=IntRange(1, 64), help="Workers on each GPU, for small models."),
    option("--engine", default="local", type=Choice(["local", "ray"]), help="ray: workers on several boxes."),
    option("--ray-address", "address", help="Cluster for --engine ray; auto for the one that runs here."),
    option("--priority", default=0, type=IntRange(-100, 100), help="Runs of a higher one come first."),
    option("--detach", is_flag=True, help="Compute in the background and return at once; see `jobs`."),
)


def of_a_sweep(run: Callable[..., Any]) -> Callable[..., Any]:
    """A command that takes models and these options."""
    for add in reversed(_OPTIONS):
        run = add(run)
    return run


@command("run")
@of_a_sweep
def words(**options: Any) -> None:
    """Reads words as `run` does, and does nothing."""
