"""Print what a SELECT gives: `sql`, as the explorer's `:sql` shows it."""

from pathlib import Path

import click

from circuit_store.store import open_to_read
from circuit_tui import command_output
from circuit_tui.cli.main import main


@main.command()
@click.argument("statement", metavar="SELECT")
@click.option("--raw", is_flag=True, help="Leave text as it is, even if a spreadsheet would run it as a formula.")
@click.option("--output", type=click.Path(path_type=Path), help="Write to this file instead of stdout.")
@click.pass_obj
def sql(store: Path, statement: str, raw: bool, output: Path | None) -> None:
    """Print the rows of a SELECT on the store as CSV; the store is only read."""
    from circuit_store import export as files
    from circuit_store.queries.statements import whole

    names, rows = whole(statement, open_to_read(store))
    with command_output.to(output, store) as file:
        command_output.write(file, files.lines(rows, names, raw=raw))
