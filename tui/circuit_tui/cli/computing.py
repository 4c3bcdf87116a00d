"""Commands that compute: `demo`, `run` and `patch`."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from circuit_core.circuits.methods import METHODS, RULES
from circuit_core.tasks.specs import labelled
from circuit_tui.cli.main import explore, main, terminal, with_or_without_bos


@main.command()
@click.pass_obj
def demo(store: Path) -> None:
    """Compute the sample suite and look at it; in a pipe, compute and print a summary."""
    from circuit_core import suites
    from circuit_tui import sweeps

    models = [m.name for m in suites.sample_suite()]
    if terminal():
        explore(store, lambda: sweeps.begin(store, models, sweeps.DEMO))
    else:
        code = sweeps.run(store, models, "all", sweeps.DEMO)
        sweeps.summary(store, models)
        raise SystemExit(code)


@main.command()
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@click.option("--checkpoints", default="all", help="all, log, sparse, linear, final, or steps such as 0,512,final.")
@click.option("--tasks", default="ioi", help="Tasks or files of pairs, separated by commas (see `tasks`).")
@with_or_without_bos
@click.option(
    "--analyses",
    default="behaviour,circuit,heads",
    show_default=True,
    help="These, algorithm, or all; separated by commas.",
)
@click.option("--method", default="eap-ig", type=click.Choice(METHODS), help="How edges are scored.")
@click.option("--ig-steps", default=5, type=click.IntRange(1), help="Points at which EAP-IG takes gradients.")
@click.option("--ig-rule", default="paper", type=click.Choice(RULES), help="Which points.")
@click.option("--select", "selector", default="greedy", type=click.Choice(["greedy", "topn"]), help="Order of edges.")
@click.option("--search", default="grid", type=click.Choice(["grid", "paper", "code"]), help="How sizes are searched.")
@click.option("--sizes", metavar="N,N", default="", help="Evaluate circuits of so many edges instead of searching.")
@click.option("--held-out", default=0, type=click.IntRange(0), help="Measure circuits on so many other prompts, too.")
@click.option("--threshold", default=0.8, type=float, help="Faithfulness that a circuit must reach.")
@click.option("--preset", default="default", type=click.Choice(["default", "paper-code"]), help="See the README.")
@click.option("--text", type=click.Path(path_type=Path), help="Text of the models' own kind, for copy suppression.")
@click.option("--device", default="auto", help="cpu, cuda, GPUs as in cuda:0,cuda:1; auto takes one if there is any.")
@click.option("--dtype", default="float32", type=click.Choice(["float32", "float64", "bfloat16", "float16"]))
@click.option("--workers", default=1, type=click.IntRange(1, 256), help="Workers on the CPU, which share its cores.")
@click.option("--per-gpu", default=1, type=click.IntRange(1, 64), help="Workers on each GPU, for small models.")
@click.option("--engine", default="local", type=click.Choice(["local", "ray"]), help="ray: workers on several boxes.")
@click.option("--ray-address", "address", help="Cluster for --engine ray; auto for the one that runs here.")
@click.option("--priority", default=0, type=click.IntRange(-100, 100), help="Runs of a higher one come first.")
@click.option("--detach", is_flag=True, help="Compute in the background and return at once; see `jobs`.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def run(
    store: Path,
    models: tuple[str, ...],
    checkpoints: str,
    tasks: str,
    prepend_bos: bool | None,
    analyses: str,
    sizes: str,
    text: Path | None,
    priority: int,
    detach: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Compute MODELs (known names or folders) into the store; what is there already is not computed again."""
    from circuit_core.sweep.request import ANALYSES, Request
    from circuit_core.sweep.slots import Slots
    from circuit_tui import sweeps

    where = Slots(**{name: options.pop(name) for name in ("workers", "per_gpu", "engine", "address")})
    wanted = _listed(analyses, "--analyses")
    wanted = ANALYSES if "all" in wanted else wanted
    if unknown := [a for a in wanted if a not in ANALYSES]:
        raise ValueError(f"There is no analysis {', '.join(unknown)}: choose from {', '.join(ANALYSES)}, or all.")
    if not 0 < options["threshold"] <= 1:
        raise ValueError(f"--threshold {options['threshold']}: give a faithfulness above 0, at most 1.")
    named = tuple(labelled(name, prepend_bos) for name in _tasks(tasks))
    request = Request(tasks=named, analyses=wanted, sizes=_sizes(sizes), **options)
    request = _of_the_paper(request) if request.preset == "paper-code" else request
    if where.engine == "ray" and find_spec("ray") is None:
        raise ValueError("--engine ray needs Ray, which is not installed: pip install 'circuit-tui[ray]'.")
    how = sweeps.How(where, priority, detach)
    raise SystemExit(sweeps.run(store, list(models), checkpoints, request, as_json, text, how))


def _of_the_paper(request: Any) -> Any:
    """Circuits as the paper's published code finds them, where nothing else was asked for."""
    from dataclasses import replace

    asked = click.get_current_context().get_parameter_source
    own = {"ig_steps": 30, "ig_rule": "code", "search": "code"}
    given = {name: value for name, value in own.items() if asked(name) is ParameterSource.DEFAULT}
    return replace(request, **given)


@main.command()
@click.argument("address", metavar="MODEL[@STEP]")
@click.option("--task", default="ioi", help="A task, or a file of pairs.")
@with_or_without_bos
@click.option("--to", required=True, help="Receivers: logits, or ports of heads such as 'a9.h1<q>,a9.h6<q>'.")
@click.option("--from", "senders", default="all", help="Senders: all heads, or some such as a5.h3,a6.h1.")
@click.option("--freeze-mlps", "freeze", is_flag=True, help="Paths do not pass through MLPs.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def patch(store: Path, address: str, task: str, prepend_bos: bool | None, **options: Any) -> None:
    """Path patching: what each head does along its direct paths to the receivers."""
    from circuit_tui import patching

    raise SystemExit(patching.patch(store, address, labelled(task, prepend_bos), **options))


def _tasks(text: str) -> tuple[str, ...]:
    """Names and files; a file's own name may hold a comma."""
    return (text,) if Path(text).is_file() else _listed(text, "--tasks")


def _sizes(text: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not all(part.isascii() and part.isdigit() and int(part) for part in parts):
        raise ValueError(f"--sizes {text}: give numbers of edges separated by commas, such as 10,20,50.")
    return tuple(sorted({int(part) for part in parts}))


def _listed(text: str, option: str) -> tuple[str, ...]:
    listed = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not listed:
        raise ValueError(f"{option} names nothing: give names separated by commas.")
    return listed
