"""Known models, and names for folders of checkpoints: `models` and `models add`."""

from contextlib import closing, nullcontext
from dataclasses import replace
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
    """List known models, what the store holds of each, and what the local cache of the hub does."""
    from circuit_core.models import hub, places
    from circuit_store import models as held_models
    from circuit_store import queries

    if ctx.invoked_subcommand:
        return
    check_place(ctx.obj)
    view = queries.view("models")
    columns = [column.name for column in view.columns]
    db = None if to_be_made(ctx.obj) else open_to_read(ctx.obj)
    rows = queries.rows(db, view) if db else []
    held = {model.name: model.pattern for model in held_models.held_models(db).values()} if db else {}
    rows += [_known(known) for known in suites.known_models().values() if known.name not in held]
    # Of published suites those of which the cache holds a checkpoint, or all; then what else it holds, by the name that
    # `run` takes. Nothing is asked of the hub.
    sources = {row["source"] for row in rows}
    published = {f"{places.HUB}{known.repository}": known for known in suites.published().values()}
    cached = {source for name in hub.cached_repositories() if _cached(source := f"{places.HUB}{name}")}
    listed = [known for source, known in published.items() if everything or source in cached]
    rows += [_known(known) for known in listed if known.name not in held]
    others = sorted(cached - sources - published.keys())
    rows += [{"model": source.removeprefix(places.HUB), "suite": "hub", "source": source} for source in others]
    rows = [{column: row.get(column, 0 if column == "computed" else None) for column in columns} for row in rows]
    for row in rows:
        row["cached"] = _cached(row["source"], held.get(row["model"]))
    columns.insert(columns.index("computed") + 1, "cached")
    if as_json:
        console.document({"view": "models", "filters": {}, "rows": rows}, indent=1)
        return
    console.table(rows, columns)
    if not everything:
        console.told(
            f"{len(suites.published())} models of published suites are known, too: `circuit-tui models --all`."
        )


def _cached(source: str, pattern: str | None = None) -> int | None:
    """Checkpoints in the local cache; None of a folder."""
    from circuit_core.models import places
    from circuit_sweep.planning import hub_models

    repository = places.repository(source)
    return None if repository is None else hub_models.in_the_cache(repository, pattern)


def _known(known: suites.KnownModel) -> dict[str, Any]:
    """A model of the sample suite as it lies there; one of a published suite as far as it is known without the hub."""
    from circuit_core.models import places
    from circuit_sweep.planning.hub_models import told_of
    from circuit_sweep.planning.model_sources import model_of

    if known.repository is None:
        model, found = model_of(known.name, known.folder, known.suite, told_of(known))
        return vars(model) | {"model": model.name, "checkpoints": len(found)}
    row = {"model": known.name, "suite": known.suite, "source": f"{places.HUB}{known.repository}"}
    row |= {name: getattr(known, name) for name in ("family", "size", "variant", "seed")}
    return row | {"kv_heads": known.shape.get("n_heads"), **known.shape, "checkpoints": len(known.steps) or None}


@models.command()
@click.argument("name")
@click.argument("source")
@click.option("--pattern", help="Regular expression for folders or branches of steps, with a group (?P<step>[0-9]+).")
@click.option("--tokens-per-step", type=click.IntRange(1, 10**9), metavar="N", help="Tokens seen in one training step.")
@click.option("--base", metavar="MODEL@STEP", help="Of a finetune: the checkpoint that its steps count on from.")
@click.option("--family", metavar="NAME", help="Models that were trained alike, in several sizes.")
@click.option("--size", metavar="NAME", help="Which of them it is, as 160m.")
@click.option("--variant", metavar="NAME", help="What sets it apart from others of that family and size, as deduped.")
@click.option("--seed", type=click.IntRange(0, 2**53), metavar="N", help="Number of the run, if nothing else differs.")
@click.pass_obj
def add(store: Path, name: str, source: str, pattern: str | None, base: str | None, **said: Any) -> None:
    """Let NAME stand for SOURCE: a folder of checkpoints, a single one, or ORG/NAME on the hub."""
    from circuit_core.bounded_regex import Pattern
    from circuit_store import models as held_models
    from circuit_sweep.planning import hub_models, model_sources
    from circuit_sweep.planning.bases import base_of
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
    told = held_models.Told()
    if base is not None:
        with nullcontext() if to_be_made(store) else closing(open_to_read(store)) as db:
            told = base_of(db, base)
    told = replace(told, pattern=pattern, **said)
    repository = None if model_sources.is_folder(source) else hub_models.repository_of(source)
    if repository:
        model, found = hub_models.describe(repository, name, told)
    else:
        try:
            place = model_sources.place(Path(source))
        except (OSError, RuntimeError) as error:
            raise ValueError(f"{source}: {error}") from None
        model, found = model_sources.model_of(name, place, "folder", told)
    db = open_to_write(store)
    moved = None if repository else model_sources.copied(db, model, found)
    held_models.check(db, replace(model, source=moved.source) if moved and moved.name == name else model)
    held_models.add_model(db, model, noted(model, found))
    console.told(f"{name}: {len(found)} checkpoints, steps {found[0].step} to {found[-1].step}.")
