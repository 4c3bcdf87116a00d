"""Commands that compute: `demo`, `run` and `patch`."""

from pathlib import Path
from typing import Any

import click

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
        explore(store, lambda: sweeps.begin(store, sweeps.demo(models)))
    else:
        code = sweeps.run(store, sweeps.demo(models))
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
@click.option("--text", type=click.Path(path_type=Path), help="Text for copy suppression; else the last one.")
@click.option("--device", default="auto", help="cpu, cuda, GPUs as in cuda:0,cuda:1; auto takes one if there is any.")
@click.option("--dtype", default="float32", type=click.Choice(["float32", "float64", "bfloat16", "float16"]))
@click.option("--workers", default=1, type=click.IntRange(1, 256), help="Workers on the CPU, which share its cores.")
@click.option("--per-gpu", default=1, type=click.IntRange(1, 64), help="Workers on each GPU, for small models.")
@click.option("--engine", default="local", type=click.Choice(["local", "ray"]), help="ray: workers on several boxes.")
@click.option("--ray-address", "address", help="Cluster for --engine ray; auto for the one that runs here.")
@click.option("--priority", default=0, type=click.IntRange(-100, 100), help="Runs of a higher one come first.")
@click.option("--detach", is_flag=True, help="Compute in the background and return at once; see `jobs`.")
@click.option("--dry-run", is_flag=True, help="Say what it would cost, and compute nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def run(store: Path, dry_run: bool, as_json: bool, **options: Any) -> None:
    """Compute MODELs (known names or folders) into the store; what is there already is not computed again."""
    from circuit_tui import asking

    asked = asking.asked(**options)
    if dry_run:
        from circuit_tui import costing

        raise SystemExit(costing.show(store, asked, as_json))
    from circuit_tui import sweeps

    raise SystemExit(sweeps.run(store, asked, as_json))


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
