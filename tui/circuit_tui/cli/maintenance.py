"""Commands that look after the store: `verify`, `backup`, `merge`."""

from contextlib import closing
from pathlib import Path

import click

from circuit_store.errors import StoreDamaged
from circuit_store.store import close_writer, open_to_read, open_to_write
from circuit_tui import command_output
from circuit_tui.cli.main import main
from circuit_tui.runs import flags, options
from circuit_tui.terminal import console


@main.command()
@click.option("--weights", is_flag=True, help="Read the checkpoints, too: whether results are of what lies there.")
@flags.flag(options.JSON)
@click.pass_obj
def verify(store: Path, weights: bool, as_json: bool) -> None:
    """Check that the store is sound and every result complete. Exit code 1 if not."""
    from circuit_store import maintenance

    read: dict[str, int] = {}
    try:
        with closing(open_to_read(store)) as db:
            found = maintenance.faults(db)
    except StoreDamaged as error:
        found = [str(error)]
    if weights and not found:
        found, read = _changed(store)
    if as_json:
        console.document({"store": str(store), "faults": found, **read})
    for fault in found:
        console.told(fault)
    problems = f"{len(found)} problem{'' if len(found) == 1 else 's'}"
    if read:
        console.told("Read {read} checkpoints with results; {not_at_hand} more are not at hand.".format(**read))
    console.told(f"Found {problems}. Restore a backup, or recompute these results." if found else f"{store} is sound.")
    raise SystemExit(1 if found else 0)


def _changed(store: Path) -> tuple[list[str], dict[str, int]]:
    """Checkpoints that are not what their results were computed from, and how many could be read, or could not."""
    from circuit_store.models import noted
    from circuit_sweep.planning.changed import look

    with closing(open_to_read(store)) as db:
        looked, known = list(look(db)), len(noted(db))
    return [said for said in looked if said], {"read": len(looked), "not_at_hand": known - len(looked)}


@main.command()
@click.argument("output", metavar="OUT", type=click.Path(path_type=Path))
@flags.flag(options.JSON)
@click.pass_obj
def backup(store: Path, output: Path, as_json: bool) -> None:
    """Copy the store to OUT, even while a run computes."""
    from circuit_store import maintenance

    with closing(open_to_read(store)) as db:
        maintenance.backup(db, output, command_output.taken(store))
    if as_json:
        console.document({"store": str(store), "copy": str(output)})
    console.told(f"{output} is a copy of {store}.")


@main.command()
@click.argument("other", metavar="OTHER.db", type=click.Path(path_type=Path))
@flags.flag(options.JSON)
@click.pass_obj
def merge(store: Path, other: Path, as_json: bool) -> None:
    """Copy from OTHER.db what this store lacks; nothing is overwritten."""
    from circuit_store import trends
    from circuit_store.merge import merge as merge_stores
    from circuit_sweep.runner import update_trends

    open_to_read(other).close()
    db = open_to_write(store)
    merged = merge_stores(db, other)
    for model in merged.names:
        if merged.results or trends.stale(db, model):  # of results that came with a merge that was killed
            update_trends.refresh(db, model)
    close_writer(db)
    if as_json:
        counts = {"models": merged.models, "results": merged.results, "held": merged.held}
        console.document({**counts, "renamed_models": merged.renamed_models, "renamed": merged.renamed})
    for theirs, here in merged.renamed_models.items():
        console.told(
            f"The model {theirs} of {other} is called {here} here: its shape, folder or weights are another's."
        )
    for theirs, here in merged.renamed.items():
        console.told(f"The task {theirs} of {other} is called {here} here: what a file holds decides, not its name.")
    console.told(f"{merged.results} results taken over, {merged.held} were there already.")
