"""What there is on this machine: `info`, paths and versions, and which journal the store keeps."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import click

from circuit_core.models import suites
from circuit_store import filesystem
from circuit_store.errors import StoreError
from circuit_store.journal import logs_ahead
from circuit_store.store import VERSION, open_to_read
from circuit_tui import paths
from circuit_tui.cli.main import check_place, main
from circuit_tui.runs import flags, options
from circuit_tui.terminal import console

_JOURNALS = "rollback journal", "write-ahead log"


@main.command()
@flags.flag(options.JSON)
@click.pass_obj
def info(store: Path, as_json: bool) -> None:
    """Show paths, versions, and which journal the store keeps."""
    import platform
    from importlib.metadata import version

    check_place(store)
    # Which journal SQLite keeps, on what file system, and whether that is to change.
    ahead, shared = logs_ahead(store), filesystem.shared(store)
    journal = "none yet" if ahead is None else _JOURNALS[ahead]
    journal += f", on {filesystem.kind(store) or 'an unknown file system'}{', which hosts may share' if shared else ''}"
    if ahead is not None and ahead == shared:
        journal += f"; a {_JOURNALS[not shared]} once it is opened to write and nothing else has it open"
    shown = {
        "version": version("circuit-tui"),
        "python": platform.python_version(),
        "store": str(store),
        "store_state": _state(store),
        "journal": journal,
        "schema": VERSION,
        "sample_suite": str(suites.sample_folder()),
        "log": str(paths.log()),
    }
    if as_json:
        console.document(shown, indent=1)
    else:
        console.shown("\n".join(f"{k:12}  {console.plain(v)}" for k, v in shown.items()))


def _state(store: Path) -> str:
    from circuit_store import queries

    if not os.path.lexists(store):
        return "not made yet"
    try:
        with closing(open_to_read(store)) as db:
            held = queries.rows(db, queries.view("models"))
    except (StoreError, sqlite3.Error) as error:
        return str(error)
    return f"{len(held)} models, {store.stat().st_size:,} bytes"
