"""Print or write a view of the store: `show` and `export`."""

import sys
from pathlib import Path
from typing import Any

import click

from circuit_store.store import open_to_read
from circuit_tui import command_output
from circuit_tui.cli.main import main
from circuit_tui.cli.view_filters import addressed, narrowed
from circuit_tui.runs import flags, options
from circuit_tui.terminal import console


class ViewCommand(click.Command):
    """Its help ends with the views that there are."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from circuit_store.views import VIEWS

        with formatter.section("Views"):
            formatter.write_dl([(view.name, view.about) for view in VIEWS.values()])


@main.command(cls=ViewCommand)
@addressed
@flags.flag(options.JSON)
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@click.pass_obj
def show(store: Path, view: str, address: str | None, as_json: bool, as_csv: bool, **narrow: Any) -> None:
    """Print a VIEW of the store as a table, JSON or CSV."""
    print_view(store, view, address, narrow, "json" if as_json else "csv" if as_csv else "table")


def print_view(
    store: Path,
    name: str,
    address: str | None,
    narrow: dict[str, Any],
    kind: str,
    more: dict[str, Any] | None = None,
) -> None:
    """Print a view as a table, JSON or CSV; `more` are further columns by which it is addressed."""
    from circuit_store import export as files
    from circuit_store import queries

    which = queries.view(name)
    db = open_to_read(store)
    filters, choices = narrowed(db, which, address, narrow)
    filters |= more or {}
    columns = [c.name for c in which.columns]
    if kind != "table":
        with command_output.to(None, store) as file:
            if kind == "json":
                text = files.document(db, which, filters, choices)
            else:
                text = files.lines(queries.streamed(db, which, filters, choices), columns)
            command_output.write(file, text)
        return
    with files.whole(db, which, filters, choices) as (header, found):
        for line in header:
            console.shown(", ".join(f"{k} {console.cell(v)}" for k, v in line.items() if v is not None))
        console.table(found, columns)


@main.command(cls=ViewCommand)
@addressed
@click.option(
    "--where",
    multiple=True,
    metavar="COL=VAL",
    help="Only rows with this value; repeat it for several values, in that order. Also COL!=VAL, and > >= < <=.",
)
@click.option("--grep", metavar="RE", help="Only rows with a cell that this regular expression matches.")
@click.option("--invert", is_flag=True, help="Only rows that --grep would leave out.")
@click.option("--sort", metavar="COL", help="Sort by this column; -COL: descending. Empty cells come last.")
@click.option("--columns", metavar="COL,COL", help="Only these columns, in this order.")
@click.option(
    "--format",
    "kind",
    default="csv",
    type=click.Choice(["csv", "jsonl", "markdown", "parquet"]),
    help="Format of the file.",
    show_default=True,
)
@click.option("--raw", is_flag=True, help="Leave text as it is, even if a spreadsheet would run it as a formula.")
@click.option("--output", type=click.Path(path_type=Path), help="Write to this file instead of stdout.")
@click.pass_obj
def export(store: Path, view: str, address: str | None, output: Path | None, **given: Any) -> None:
    """Write a VIEW to stdout or a file, as the explorer's key e does."""
    from circuit_core import untrusted_files
    from circuit_store import export as files
    from circuit_store import parquet, queries
    from circuit_tui import view_rows

    which = queries.view(view)
    db = open_to_read(store)
    filters, choices = narrowed(db, which, address, given)
    columns = [c.name for c in which.columns]
    if given["columns"] is not None:
        columns = [column.strip() for column in given["columns"].split(",")]
    listed = {"where": given["where"], **{name: [given[name]] if given[name] else [] for name in ("grep", "sort")}}
    listed["invert"] = [""] if given["invert"] else []
    found = view_rows.kept(db, which, filters, choices, listed, columns)
    text = [untrusted_files.place(given["text"])] if given["text"] else []
    if given["kind"] == "parquet" and output is None and console.terminal(sys.stdout):
        raise ValueError("Parquet is binary: name a file with --output FILE.")
    with command_output.to(output, store, *filter(Path.is_file, text)) as file:
        if given["kind"] == "parquet":
            kinds = {column.name: column for column in which.columns}
            parquet.write(file, found, [kinds[name] for name in columns])
        else:
            command_output.write(file, files.lines(found, columns, given["kind"], given["raw"]))
