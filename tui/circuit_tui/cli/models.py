"""Known models, and names for folders of checkpoints: `models` and `models add`."""

from pathlib import Path
from typing import Any

import click

from circuit_core.errors import BadPattern
from circuit_core.models import suites
from circuit_store.store import open_to_read, open_to_write, to_be_made
from circuit_tui.cli.main import check_place, main
from circuit_tui.runs import flags, options
from circuit_tui.terminal import console


@main.group(invoke_without_command=True)
@flags.flag(options.JSON)
@click.pass_context
def models(ctx: click.Context, as_json: bool) -> None:
    """List known models, and what the store holds of each."""
    from circuit_store import queries

    if ctx.invoked_subcommand:
        return
    check_place(ctx.obj)
    view = queries.view("models")
    columns = [column.name for column in view.columns]
    rows = [] if to_be_made(ctx.obj) else queries.rows(open_to_read(ctx.obj), view)
    held = {row["model"] for row in rows}
    rows += [_known(known, columns) for known in suites.known_models().values() if known.name not in held]
    if as_json:
        console.document({"view": "models", "filters": {}, "rows": rows}, indent=1)
    else:
        console.table(rows, columns)


def _known(known: suites.KnownModel, columns: list[str]) -> dict[str, Any]:
    from circuit_sweep.planning.model_sources import model_of

    model, found = model_of(known.name, known.folder, known.suite, known.tokens_per_step)
    row = vars(model) | {"model": model.name, "checkpoints": len(found), "computed": 0}
    return {column: row[column] for column in columns}


@models.command()
@click.argument("name")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--pattern", help="Regular expression for the folders of steps, with a group (?P<step>[0-9]+).")
@click.option("--tokens-per-step", type=click.IntRange(1, 10**9), metavar="N", help="Tokens seen in one training step.")
@click.pass_obj
def add(store: Path, name: str, folder: Path, pattern: str | None, tokens_per_step: int | None) -> None:
    """Let NAME stand for FOLDER: a folder of checkpoints, or a single one."""
    from circuit_core.bounded_regex import Pattern
    from circuit_store import models as held_models
    from circuit_sweep.planning import model_sources

    if name in suites.known_models():
        raise ValueError(f"The name {name} is taken by the sample suite: choose another.")
    try:
        names_step = pattern is None or "step" in Pattern(pattern, "--pattern").groups
        fault = "" if names_step else f"--pattern {pattern}: no group (?P<step>[0-9]+)"
    except BadPattern as error:
        fault = str(error).removesuffix(".")
    if fault:
        raise ValueError(f"{fault}; give for instance 'run-(?P<step>[0-9]+)'.")
    try:
        place = model_sources.place(folder)
    except (OSError, RuntimeError) as error:
        raise ValueError(f"{folder}: {error}") from None
    model, found = model_sources.model_of(name, place, "folder", tokens_per_step, pattern)
    db = open_to_write(store)
    moved = model_sources.copied(db, model, found)
    if not (moved and moved.name == name):
        held_models.check(db, model)
    tokens = [f.step * tokens_per_step if tokens_per_step else None for f in found]
    checkpoints = [held_models.CheckpointRecord(f.step, n, f.revision) for f, n in zip(found, tokens, strict=True)]
    held_models.add_model(db, model, checkpoints)
    console.told(f"{name}: {len(found)} checkpoints, steps {found[0].step} to {found[-1].step}.")
