"""Commands that read the store: `show`, `export`, `info`."""

from pathlib import Path
from typing import Any

import click

from circuit_tui.cli.main import NUMBER, main

_ADDRESS = [
    click.argument("view", metavar="VIEW"),
    click.argument("address", required=False, metavar="[MODEL[@STEP]]"),
    click.option("--task", help="Only this task."),
    click.option("--role", help="Only this head role."),
    click.option("--layer", type=NUMBER, help="Only this layer."),
    click.option("--head", type=NUMBER, help="Only this head."),
    click.option("--preset", help="Let only head roles with these parameters answer: default or paper-code."),
    click.option("--text", help="Let only head roles on this text answer: a file, or how its hash begins."),
]
_CHOICES = [
    click.option("--run", type=NUMBER, help="Let only this run answer."),
    click.option("--dtype", help="Let only results of this precision answer."),
    click.option("--method", help="Let only circuits by this method answer; `imported` for those from files."),
    click.option("--ig-rule", help="Let only circuits by this rule answer."),
    click.option("--ig-steps", type=NUMBER, help="Let only circuits with so many points answer."),
    click.option("--search", help="Let only circuits by this search answer."),
    click.option("--select", "selector", help="Let only circuits by this order of edges answer."),
    click.option("--threshold", type=float, help="Let only circuits for this faithfulness answer."),
    click.option("--threshold-on", help="Let only circuits for a threshold on raw or normalised answer."),
    click.option("--areas", help="Let only circuits with CPR and CMD answer (mib), or without (none)."),
]


class ViewCommand(click.Command):
    """Its help ends with the views that there are."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from circuit_store.views import VIEWS

        with formatter.section("Views"):
            formatter.write_dl([(view.name, view.about) for view in VIEWS.values()])


def addressed(command: Any) -> Any:
    return _with(_ADDRESS, among_circuits(command))


def among_circuits(command: Any) -> Any:
    """A command that says which of several circuits it is about."""
    return _with(_CHOICES, command)


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
