"""Commands about what there is: `models` and `tasks`."""

from pathlib import Path

import click

from circuit_tui.cli.main import main
from circuit_tui.runs import flags, options


@main.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def models(ctx: click.Context, as_json: bool) -> None:
    """Known models, and what the store holds of each."""
    if ctx.invoked_subcommand is None:
        from circuit_tui.cli import known_models

        known_models.print_models(ctx.obj, as_json)


@models.command("add")
@click.argument("name")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--pattern", help="Regular expression of a step's folder, with a group (?P<step>[0-9]+).")
@click.option("--tokens-per-step", type=click.IntRange(1, 10**9), help="Tokens seen in one training step.")
@click.pass_obj
def add(store: Path, name: str, folder: Path, pattern: str | None, tokens_per_step: int | None) -> None:
    """Make NAME stand for FOLDER, which holds checkpoints or is one."""
    from circuit_tui.cli import known_models

    known_models.add(store, name, folder, pattern, tokens_per_step)


@main.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def tasks(ctx: click.Context, as_json: bool) -> None:
    """The tasks: built in, and from files that the store keeps."""
    if ctx.invoked_subcommand is None:
        from circuit_tui.cli import task_preview as known

        known.print_tasks(ctx.obj, as_json)


@tasks.command("show")
@click.argument("name", metavar="NAME|FILE")
@click.option("--model", required=True, help="Model whose tokenizer is used.")
@click.option("--all", "everything", is_flag=True, help="Print every prompt, not only the first five.")
@flags.flag(options.PREPEND_BOS)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document with every prompt.")
@click.pass_obj
def show_task(store: Path, name: str, model: str, everything: bool, prepend_bos: bool | None, as_json: bool) -> None:
    """Print a task's prompts, corruption and answers as a model will see them, token by token."""
    from circuit_tui.cli import task_preview as known

    known.show(store, name, model, None if everything or as_json else 5, as_json, prepend_bos)
