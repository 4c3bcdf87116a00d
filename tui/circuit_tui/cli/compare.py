"""Two circuits side by side: `compare`."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from circuit_store.store import open_to_read
from circuit_tui import command_output
from circuit_tui.cli.main import main
from circuit_tui.cli.view_filters import Pair, among_circuits
from circuit_tui.runs import flags, options
from circuit_tui.terminal import console

if TYPE_CHECKING:
    from circuit_sweep.comparison import Comparison

LISTED = 20
"""Rows that a table shows."""


@main.command()
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@click.option("--task", type=Pair(str), metavar="X[,X]", help="Circuits of this task.")
@partial(among_circuits, two=True)
@flags.flag(options.JSON)
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV: all edges and nodes.")
@click.pass_obj
def compare(store: Path, a: str, b: str, as_json: bool, as_csv: bool, **given: Any) -> None:
    """Compare the circuits A and B: MODEL, MODEL@STEP or MODEL@STEP/TASK.

    What they share, what B gained and lost against A, scores side by side, similarities beside their noise floors.
    Models of different shapes are compared by role, depth and port. An option with two values, separated by a comma,
    has the first for A and the second for B: `--method eap-ig,eap`.
    """
    from circuit_store import export
    from circuit_store.display_text import as_json as document
    from circuit_sweep import comparison

    pairs = {name: pair for name, pair in given.items() if pair is not None}
    sides = [{name: pair[place] for name, pair in pairs.items()} for place in (0, 1)]
    found = comparison.compare(open_to_read(store), a, b, *sides)
    names = [column.name for column in found.columns]
    if as_json or as_csv:
        with command_output.to(None, store) as file:
            if as_json:
                listed = [dict(zip(names, row, strict=True)) for row in found.rows]
                about = {"a": found.a, "b": found.b, **found.figures, "warnings": found.warnings}
                command_output.write(file, [document(about | {"rows": listed}, indent=1) + "\n"])
            else:
                command_output.write(file, export.lines(found.rows, names))
    else:
        _print(found, names)
    for sentence in found.warnings if not as_json else ():
        console.told(sentence)


def _print(found: "Comparison", names: list[str]) -> None:
    for letter, of in (("A", found.a), ("B", found.b)):
        console.shown(f"{letter}: {_said(of)}")
    if found.figures:
        console.shown(_said(found.figures))
    console.table([dict(zip(names, row, strict=True)) for row in found.rows[:LISTED]], names)
    if (rest := len(found.rows) - LISTED) > 0:
        console.shown(f"{rest:,} rows more: --csv and --json have all.")


def _said(of: dict[str, Any]) -> str:
    return ", ".join(f"{name} {console.cell(value)}" for name, value in of.items() if value is not None)
