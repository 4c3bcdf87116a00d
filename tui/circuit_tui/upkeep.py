"""Say what came of looking after a store: `verify`, `backup`, `merge`."""

import json
from contextlib import closing
from pathlib import Path

import click

from circuit_store import upkeep
from circuit_store.store import close_writer, open_to_read, open_to_write
from circuit_tui.printing import plain


def verify(store: Path, as_json: bool) -> int:
    """Returns the exit code: 1 if anything is wrong."""
    with closing(open_to_read(store)) as db:
        found = upkeep.faults(db)
    if as_json:
        click.echo(json.dumps({"store": str(store), "faults": found}))
    for fault in found:
        click.echo(plain(fault), err=True)
    sound = f"{plain(str(store))} is sound."
    click.echo(sound if not found else f"{len(found)} faults: go back to a backup, or compute anew.", err=True)
    return 1 if found else 0


def backup(store: Path, output: Path, as_json: bool) -> None:
    with closing(open_to_read(store)) as db:
        upkeep.backup(db, output)
    if as_json:
        click.echo(json.dumps({"store": str(store), "copy": str(output)}))
    click.echo(f"{plain(str(output))} is a copy of {plain(str(store))}.", err=True)


def merge(store: Path, other: Path, as_json: bool) -> None:
    from circuit_core.sweep import trending

    db = open_to_write(store)
    merged = upkeep.merge(db, other)
    for model in merged.names if merged.results else []:
        trending.refresh(db, model)
    close_writer(db)
    if as_json:
        click.echo(json.dumps({"models": merged.models, "results": merged.results, "held": merged.held}))
    click.echo(f"{merged.results} results taken over, {merged.held} were there already.", err=True)
