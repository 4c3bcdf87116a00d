"""Commands that read the store: `show`, `export`, `info`."""

from pathlib import Path
from typing import Any

import click

from circuit_sweep.planning.options import Option
from circuit_sweep.planning.request import Request
from circuit_tui.cli.main import NUMBER, main
from circuit_tui.runs import options

_NARROWING = [of for of in options.OPTIONS if of.narrows]
_OF_A_CIRCUIT = [of for of in _NARROWING if of.name in (*Request().of_circuits, "dtype")]
_OF_HEAD_ROLES = [of for of in _NARROWING if of not in _OF_A_CIRCUIT]


class ViewCommand(click.Command):
    """Its help ends with the views that there are."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from circuit_store.views import VIEWS

        with formatter.section("Views"):
            formatter.write_dl([(view.name, view.about) for view in VIEWS.values()])


def addressed(command: Any) -> Any:
    """A command that names a view and its rows."""
    arguments = [
        click.argument("view", metavar="VIEW"),
        click.argument("address", required=False, metavar="[MODEL[@STEP]]"),
        click.option("--task", help="Only this task."),
        click.option("--role", help="Only this head role."),
        click.option("--layer", type=NUMBER, help="Only this layer."),
        click.option("--head", type=NUMBER, help="Only this head."),
    ]
    return _with([*arguments, *map(_narrowing, _OF_HEAD_ROLES)], among_circuits(command))


def among_circuits(command: Any) -> Any:
    """A command that says which of several circuits it is about."""
    run = click.option("--run", type=NUMBER, help="Let only this run answer.")
    return _with([run, *map(_narrowing, _OF_A_CIRCUIT)], command)


def _narrowing(of: Option) -> Any:
    """The flag that lets only results of some value of an option answer: any, for what was computed is told there."""
    kind = {int: NUMBER, float: float}.get(of.kind, str)
    return click.option(of.flag, of.name, type=kind, help=f"Let only {of.narrows} answer.")


def _with(options: list[Any], command: Any) -> Any:
    for decorate in reversed(options):
        command = decorate(command)
    return command


@main.command(cls=ViewCommand)
@addressed
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@click.pass_obj
def show(store: Path, view: str, address: str | None, as_json: bool, as_csv: bool, **narrow: Any) -> None:
    """Print a VIEW of the store, as a table, JSON or CSV."""
    from circuit_tui.cli import view_output

    view_output.show(store, view, address, narrow, "json" if as_json else "csv" if as_csv else "table")


@main.command(cls=ViewCommand)
@addressed
@click.option("--where", multiple=True, metavar="COL=VAL", help="Only rows with this value; of several, in this order.")
@click.option("--grep", metavar="RE", help="Only rows in which some cell matches.")
@click.option("--sort", metavar="COL", help="Sort by this column; -COL for descending; empty ones last.")
@click.option("--columns", metavar="COL,COL", help="Only these columns, in this order.")
@click.option("--format", "kind", default="csv", type=click.Choice(["csv", "jsonl", "markdown"]))
@click.option("--raw", is_flag=True, help="Leave text that a spreadsheet would run as a formula.")
@click.option("--output", type=click.Path(path_type=Path), help="Write to this file instead of stdout.")
@click.pass_obj
def export(store: Path, view: str, address: str | None, output: Path | None, **options: Any) -> None:
    """Write a VIEW as a file: the same bytes as the explorer's key e."""
    from circuit_tui.cli import view_output

    view_output.export(store, view, address, output, options)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def info(store: Path, as_json: bool) -> None:
    """Paths and versions, and which journal the store keeps."""
    from circuit_tui.cli import known_models

    known_models.print_info(store, as_json)
