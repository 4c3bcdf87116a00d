"""The tasks: which there are, and what a model sees of one, token by token: `tasks` and `tasks show`."""

import sqlite3
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from circuit_core.errors import BrokenTask
from circuit_core.tasks.specs import TASKS, TaskSpec, labelled
from circuit_store.store import open_to_read, to_be_made
from circuit_tui.cli.main import main
from circuit_tui.runs import flags, options
from circuit_tui.terminal import console
from circuit_tui.terminal.console import plain

ABOUT = {
    "ioi": "Mary and John went to the store, John gave a drink to -> Mary, not John",
    "gendered_pronoun": "So Mary is such a good cook, isn't -> she, not he",
    "greater_than": "The war lasted from the year 1732 to the year 17 -> 33 to 99, not 00 to 32",
    "subject_verb": "The keys on the cabinet -> are, not is",
    "greater_than_digit": "where each digit is a token: ... from the year 1732 to the year 17 -> 4 to 9, not 0 to 2",
}


@main.group(invoke_without_command=True)
@flags.flag(options.JSON)
@click.pass_context
def tasks(ctx: click.Context, as_json: bool) -> None:
    """List the tasks: those built in, and those from your files."""
    from circuit_store import task_files

    if ctx.invoked_subcommand:
        return
    with closing(_held(ctx.obj)) as db:
        names = [] if to_be_made(ctx.obj) else task_files.in_use(db)
        rows = [_row(TASKS[name], ABOUT[name]) for name in TASKS]
        rows += [_of_file(db, name) for name in names]
    if as_json:
        console.document({"view": "tasks", "filters": {}, "rows": rows}, indent=1)
    else:
        console.table(rows, list(rows[0]))


def _of_file(db: sqlite3.Connection, name: str) -> dict[str, Any]:
    """A file that was read before may be refused now; then it says why, and its results stay."""
    from circuit_sweep.planning.task_names import spec

    try:
        return _row(spec(db, name), "pairs of your own")
    except BrokenTask as error:
        return dict.fromkeys(_row(TASKS["ioi"], "")) | {"task": name, "about": str(error)}


def _row(task: TaskSpec, about: str) -> dict[str, Any]:
    drawn = {"seed": task.seed} if task.content is None else {"seed": None}
    fields = {"task": task.name, "metric": task.metric, "prompts": task.n, **drawn}
    return fields | {"prepend_bos": int(task.prepend_bos), "hash": task.hash, "about": about}


def _held(store: Path) -> sqlite3.Connection:
    return sqlite3.connect(":memory:") if to_be_made(store) else open_to_read(store)


@tasks.command()
@click.argument("name", metavar="NAME|FILE")
@click.option("--model", required=True, help="Model whose tokenizer is used.")
@click.option("--all", "everything", is_flag=True, help="Print every prompt, not only the first five.")
@flags.flag(options.PREPEND_BOS)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document with every prompt.")
@click.pass_obj
def show(store: Path, name: str, model: str, everything: bool, prepend_bos: bool | None, as_json: bool) -> None:
    """Print a task's prompts and answers as a model sees them.

    Tokens stand between bars.
    """
    from circuit_sweep import caller
    from circuit_sweep.planning.model_sources import tokenizer_folder
    from circuit_sweep.planning.task_names import find

    with closing(_held(store)) as db:
        known = None if to_be_made(store) else db
        folder = tokenizer_folder(known, model)
        task = find(known, labelled(name, prepend_bos))
    found = caller.ask("preview_prompts", folder=str(folder), task=asdict(task))
    rows, left_out = found["prompts"], found["left_out"]
    if as_json:
        about = {"task": task.label, "model": model, "metric": task.metric, "prepend_bos": task.prepend_bos}
        console.document(about | {"prompts": len(rows), "left_out": left_out, "rows": rows}, indent=1)
        return
    about = f"{len(rows)} prompts, {task.metric}; tokens between bars, as {plain(model)} sees them"
    console.shown(f"{plain(task.label)}: {about}")
    if left_out:
        console.shown(f"not with this tokenizer: {plain(', '.join(left_out))}")
    for number, row in enumerate(rows if everything else rows[:5], 1):
        console.shown("\n" + "\n".join(_lines(number, row)))


def _lines(number: int, row: dict[str, Any]) -> list[str]:
    clean, corrupted, differs = row["clean"], row["corrupted"], set(row["differs"])
    named = ", ".join(f"{plain(name)} {at}" for name, at in row["positions"].items())
    return [
        f"{number:>4}  clean      {_tokens(clean, set())}",
        f"      corrupted  {_tokens(corrupted, differs)}",
        f"      answer     after token {row['end']}: {_answers(row['correct'])} not {_answers(row['wrong'])}",
        *([f"      positions  {named}"] if named else []),
        *([f"      frame      {plain(row['frame'])}"] if row["frame"] else []),
    ]


def _tokens(tokens: list[str], marked: set[int]) -> str:
    """Tokens between bars; those that differ from the clean prompt in brackets."""
    return "|".join(f"[{plain(t)}]" if i in marked else plain(t) for i, t in enumerate(tokens))


def _answers(answers: list[str], most: int = 6) -> str:
    shown = [plain(a) for a in answers[:most]]
    return " / ".join(shown) + (f" and {len(answers) - most} more" if len(answers) > most else "")
