"""The command `circuit-tui`: compute, look, export. Each command imports what it needs when it runs.

Data goes to stdout, everything else to stderr. Exit codes: 0 done, 1 something failed, 2 wrong usage, 130 cancelled.
"""

import sqlite3
from pathlib import Path
from typing import Any, NoReturn

import click

from circuit_core.errors import CircuitError
from circuit_store.errors import StoreError
from circuit_tui import paths

USAGE, FAILED, CANCELLED = 2, 1, 130
NUMBER = click.IntRange(0, 2**31)


class Main(click.Group):
    """Turns every expected error into one sentence and an exit code."""

    def make_context(self, *args: Any, **options: Any) -> click.Context:
        try:
            return super().make_context(*args, **options)
        except click.UsageError as error:
            misused(error)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            misused(error)
        except (CircuitError, StoreError, ValueError, OverflowError) as error:
            fail(str(error))
        except sqlite3.Error as error:
            fail(f"The store {ctx.obj} cannot be used ({error}): name another with --store FILE.", FAILED)
        except BrokenPipeError:
            raise
        except OSError as error:
            fail(f"{error.filename or 'the output'} cannot be used ({error.strerror}).", FAILED)
        except KeyboardInterrupt:
            fail("interrupted.", CANCELLED)


def misused(error: click.UsageError) -> NoReturn:
    at = error.ctx.command_path if error.ctx else "circuit-tui"
    fail(f"{error.format_message()} (`{at} --help` lists what is possible.)")


def fail(sentence: str, code: int = USAGE) -> NoReturn:
    from circuit_tui.printing import plain

    click.echo(f"circuit-tui: {plain(sentence)}", err=True)
    raise SystemExit(code)


@click.group(cls=Main, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--store", type=click.Path(path_type=Path), help="The store; default: CIRCUIT_TUI_STORE, or the data folder."
)
@click.version_option(package_name="circuit-tui")
@click.pass_context
def main(ctx: click.Context, store: Path | None) -> None:
    """Circuits and head roles of language models across training. Without a command: the explorer."""
    ctx.obj = _home(store or paths.store())
    if ctx.invoked_subcommand is None:
        explore(ctx.obj)


def _home(path: Path) -> Path:
    try:
        return path.expanduser()
    except RuntimeError:
        raise ValueError(f"{path}: there is no such user.") from None


def _terminal() -> bool:
    """Whether a person looks on, at a terminal that can move its cursor."""
    import os
    import sys

    able = os.environ.get("TERM", "dumb") not in ("dumb", "unknown", "")
    return able and sys.stdin.isatty() and sys.stdout.isatty()


def explore(store: Path, begin: Any = None) -> None:
    """Open the explorer."""
    if not _terminal():
        fail("the explorer needs a terminal: use `circuit-tui show VIEW MODEL`, `export` or `--help` here.")
    from circuit_tui.app import Explorer

    Explorer(store, begin).run()


@main.command()
@click.pass_obj
def demo(store: Path) -> None:
    """Compute the sample suite and look at it; in a pipe, compute and print a summary."""
    from circuit_core import suites
    from circuit_core.sweep.plan import Request
    from circuit_tui import sweeps

    models = [m.name for m in suites.sample_suite()]
    if _terminal():
        explore(store, lambda: sweeps.begin(store, models, Request()))
    else:
        code = sweeps.run(store, models, "all", Request())
        sweeps.summary(store, models)
        raise SystemExit(code)


@main.command()
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@click.option("--checkpoints", default="all", help="all, log, sparse, linear, final, or steps such as 0,512,final.")
@click.option("--tasks", default="ioi", help="Tasks, separated by commas.")
@click.option("--analyses", default="all", help="behaviour, circuit, heads, separated by commas, or all.")
@click.option("--ig-steps", default=5, type=click.IntRange(1), help="Points at which EAP-IG takes gradients.")
@click.option("--ig-rule", default="paper", type=click.Choice(["paper", "code", "midpoint"]), help="Which points.")
@click.option("--select", "selector", default="greedy", type=click.Choice(["greedy", "topn"]), help="Order of edges.")
@click.option("--threshold", default=0.8, type=float, help="Faithfulness that a circuit must reach.")
@click.option("--device", default="auto", help="cpu, cuda, cuda:1; auto takes a GPU if there is one.")
@click.option("--dtype", default="float32", type=click.Choice(["float32", "float64", "bfloat16", "float16"]))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def run(
    store: Path, models: tuple[str, ...], checkpoints: str, tasks: str, analyses: str, as_json: bool, **options
) -> None:
    """Compute MODELs (known names or folders) into the store; what is there already is not computed again."""
    from circuit_core.sweep.plan import ANALYSES, Request
    from circuit_tui import sweeps

    wanted = _listed(analyses, "--analyses")
    wanted = ANALYSES if "all" in wanted else wanted
    if unknown := [a for a in wanted if a not in ANALYSES]:
        raise ValueError(f"There is no analysis {', '.join(unknown)}: choose from {', '.join(ANALYSES)}, or all.")
    if not 0 < options["threshold"] <= 1:
        raise ValueError(f"--threshold {options['threshold']}: give a faithfulness above 0, at most 1.")
    request = Request(tasks=_listed(tasks, "--tasks"), analyses=wanted, **options)
    raise SystemExit(sweeps.run(store, list(models), checkpoints, request, as_json))


def _listed(text: str, option: str) -> tuple[str, ...]:
    listed = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not listed:
        raise ValueError(f"{option} names nothing: give names separated by commas.")
    return listed


@main.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def models(ctx: click.Context, as_json: bool) -> None:
    """Known models, and what the store holds of each."""
    if ctx.invoked_subcommand is None:
        from circuit_tui import catalogue

        catalogue.print_models(ctx.obj, as_json)


@models.command("add")
@click.argument("name")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--pattern", help="Regular expression of a step's folder, with a group (?P<step>[0-9]+).")
@click.option("--tokens-per-step", type=click.IntRange(1, 10**9), help="Tokens seen in one training step.")
@click.pass_obj
def add(store: Path, name: str, folder: Path, pattern: str | None, tokens_per_step: int | None) -> None:
    """Make NAME stand for FOLDER, which holds checkpoints or is one."""
    from circuit_tui import catalogue

    catalogue.add(store, name, folder, pattern, tokens_per_step)


_ADDRESS = [
    click.argument("view", metavar="VIEW"),
    click.argument("address", required=False, metavar="[MODEL[@STEP]]"),
    click.option("--task", help="Only this task."),
    click.option("--role", help="Only this head role."),
    click.option("--layer", type=NUMBER, help="Only this layer."),
    click.option("--head", type=NUMBER, help="Only this head."),
    click.option("--run", type=NUMBER, help="Let only this run answer."),
    click.option("--method", help="Let only circuits by this method answer."),
    click.option("--ig-rule", help="Let only circuits by this rule answer."),
    click.option("--ig-steps", type=NUMBER, help="Let only circuits with so many points answer."),
    click.option("--search", help="Let only circuits by this search answer."),
    click.option("--select", "selector", help="Let only circuits by this order of edges answer."),
    click.option("--threshold", type=float, help="Let only circuits for this faithfulness answer."),
    click.option("--dtype", help="Let only results of this precision answer."),
]


def addressed(command: Any) -> Any:
    for decorate in reversed(_ADDRESS):
        command = decorate(command)
    return command


@main.command()
@addressed
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@click.pass_obj
def show(store: Path, view: str, address: str | None, as_json: bool, as_csv: bool, **narrow: Any) -> None:
    """Print a VIEW of the store, as a table, JSON or CSV."""
    from circuit_tui import printing

    printing.show(store, view, address, narrow, "json" if as_json else "csv" if as_csv else "table")


@main.command()
@addressed
@click.option("--where", multiple=True, metavar="COL=VAL", help="Only rows with this value.")
@click.option("--grep", metavar="RE", help="Only rows in which some cell matches.")
@click.option("--sort", metavar="COL", help="Sort by this column; -COL for descending.")
@click.option("--columns", metavar="COL,COL", help="Only these columns, in this order.")
@click.option("--format", "kind", default="csv", type=click.Choice(["csv", "jsonl", "markdown"]))
@click.option("--raw", is_flag=True, help="Leave text that a spreadsheet would run as a formula.")
@click.option("--output", type=click.Path(path_type=Path), help="Write to this file instead of stdout.")
@click.pass_obj
def export(store: Path, view: str, address: str | None, output: Path | None, **options: Any) -> None:
    """Write a VIEW as a file: the same bytes as the explorer's key e."""
    from circuit_tui import printing

    printing.export(store, view, address, output, options)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def info(store: Path, as_json: bool) -> None:
    """Paths and versions."""
    from circuit_tui import catalogue

    catalogue.print_info(store, as_json)
