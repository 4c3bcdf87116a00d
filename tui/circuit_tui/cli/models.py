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
@click.option("--all", "everything", is_flag=True, help="List the models of published suites, too.")
@flags.flag(options.JSON)
@click.pass_context
def models(ctx: click.Context, everything: bool, as_json: bool) -> None:
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
    if everything:
        rows += [_on_the_hub(m, columns) for m in suites.published().values() if m.name not in held]
    if as_json:
        console.document({"view": "models", "filters": {}, "rows": rows}, indent=1)
        return
    console.table(rows, columns)
    if not everything:
        console.told(
            f"{len(suites.published())} models of published suites are known, too: `circuit-tui models --all`."
        )


def _on_the_hub(known: suites.KnownModel, columns: list[str]) -> dict[str, Any]:
    """A model of a published suite, as far as that is known without the hub."""
    from circuit_core.models import places

    row = {"model": known.name, "suite": known.suite, "params": None, "source": f"{places.HUB}{known.repository}"}
    row |= {"kv_heads": known.shape.get("n_heads"), **known.shape, "checkpoints": len(known.steps) or None}
    return {column: row.get(column, 0 if column == "computed" else None) for column in columns}


def _known(known: suites.KnownModel, columns: list[str]) -> dict[str, Any]:
    from circuit_sweep.planning.model_sources import model_of

    model, found = model_of(known.name, known.folder, known.suite, known.tokens_per_step)
    row = vars(model) | {"model": model.name, "checkpoints": len(found), "computed": 0}
    return {column: row[column] for column in columns}


@models.command()
@click.argument("name")
@click.argument("source")
@click.option("--pattern", help="Regular expression for folders or branches of steps, with a group (?P<step>[0-9]+).")
@click.option("--tokens-per-step", type=click.IntRange(1, 10**9), metavar="N", help="Tokens seen in one training step.")
@click.pass_obj
def add(store: Path, name: str, source: str, pattern: str | None, tokens_per_step: int | None) -> None:
    """Let NAME stand for SOURCE: a folder of checkpoints, a single one, or ORG/NAME on the hub."""
    from circuit_core.bounded_regex import Pattern
    from circuit_store import models as held_models
    from circuit_sweep.planning import hub_models, model_sources
    from circuit_sweep.planning.missing import noted

    if name in suites.known_models():
        raise ValueError(f"The name {name} is taken by the sample suite: choose another.")
    try:
        names_step = pattern is None or "step" in Pattern(pattern, "--pattern").groups
        fault = "" if names_step else f"--pattern {pattern}: no group (?P<step>[0-9]+)"
    except BadPattern as error:
        fault = str(error).removesuffix(".")
    if fault:
        raise ValueError(f"{fault}; give for instance 'run-(?P<step>[0-9]+)'.")
    repository = None if model_sources.is_folder(source) else hub_models.repository_of(source)
    if repository:
        model, found = hub_models.describe(repository, name, pattern, tokens_per_step)
    else:
        try:
            place = model_sources.place(Path(source))
        except (OSError, RuntimeError) as error:
            raise ValueError(f"{source}: {error}") from None
        model, found = model_sources.model_of(name, place, "folder", tokens_per_step, pattern)
    db = open_to_write(store)
    moved = None if repository else model_sources.copied(db, model, found)
    if not (moved and moved.name == name):
        held_models.check(db, model)
    held_models.add_model(db, model, noted(model, found))
    console.told(f"{name}: {len(found)} checkpoints, steps {found[0].step} to {found[-1].step}.")
