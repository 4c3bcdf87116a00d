"""Commands that look after the store: `verify`, `backup`, `merge`."""

from pathlib import Path

import click

from circuit_tui.cli.main import main

_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


@main.command()
@_JSON
@click.pass_obj
def verify(store: Path, as_json: bool) -> None:
    """Check the store: the file, its references, and that every result is whole. Exit code 1 if anything is wrong."""
    from circuit_tui.cli import store_care

    raise SystemExit(store_care.verify(store, as_json))


@main.command()
@click.argument("output", metavar="OUT", type=click.Path(path_type=Path))
@_JSON
@click.pass_obj
def backup(store: Path, output: Path, as_json: bool) -> None:
    """Copy the store to OUT, also while something is computed."""
    from circuit_tui.cli import store_care

    store_care.backup(store, output, as_json)


@main.command()
@click.argument("other", metavar="OTHER.db", type=click.Path(path_type=Path))
@_JSON
@click.pass_obj
def merge(store: Path, other: Path, as_json: bool) -> None:
    """Take over from OTHER.db what this store lacks; what is there already stays."""
    from circuit_tui.cli import store_care

    store_care.merge(store, other, as_json)
