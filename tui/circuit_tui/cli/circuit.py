"""Circuits to other tools and back: `circuit export` and `circuit import`.

The work is done by a process of its own, which may import torch.
"""

import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import click

from circuit_tui import command_output
from circuit_tui.cli.main import main
from circuit_tui.cli.view_filters import among_circuits
from circuit_tui.terminal import console

FORMATS = ["eap-ig-json", "eap-ig-pt", "graphml", "dot"]


@main.group()
def circuit() -> None:
    """Exchange circuits with other tools."""


@circuit.command("export")
@click.argument("address", metavar="MODEL@STEP/TASK")
@click.option("--format", "kind", required=True, type=click.Choice(FORMATS), help="Format of the file.")
@click.option("--output", type=click.Path(path_type=Path), help="Write to this file instead of stdout.")
@click.option("--size", type=click.IntRange(1), metavar="N", help="The circuit of N edges instead of the chosen one.")
@among_circuits
@click.pass_obj
def export_circuit(store: Path, address: str, kind: str, output: Path | None, size: int | None, **choices: Any) -> None:
    """Write a circuit and the scores of all edges, for other tools."""
    export(store, address, kind, output, size, {k: v for k, v in choices.items() if v is not None})


def export(
    store: Path, address: str, kind: str, output: Path | None, size: int | None, choices: dict[str, Any]
) -> None:
    """Raises: ValueError, CircuitError."""
    from circuit_sweep import caller

    named = re.fullmatch(r"(?P<model>.+?)(?:@(?P<step>[^@/]+))?/(?P<task>[^/]+)", address)
    if not named:
        raise ValueError(f"{address} names no circuit: give MODEL@STEP/TASK, such as sample-0.2m@final/ioi.")
    at = {"model": named["model"], "step": named["step"] or "final", "task": named["task"]}
    if kind == "eap-ig-pt" and output is None and console.terminal(sys.stdout):
        raise ValueError("eap-ig-pt is binary: name a file with --output FILE.")
    with command_output.to(output, store) as file, tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "circuit"
        given = {"store": str(store), **at, "kind": kind, "file": str(made), "choices": choices, "size": size}
        caller.ask("export_circuit", **given)
        with made.open("rb") as circuit:
            shutil.copyfileobj(circuit, file)


@circuit.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--model", required=True, help="The circuit's model: a known name or a folder.")
@click.option("--step", required=True, help="Step of the checkpoint, or final.")
@click.option("--task", required=True, help="The circuit's task: a name or a file of prompt pairs.")
@click.pass_obj
def import_circuit(store: Path, file: Path, model: str, step: str, task: str) -> None:
    """Add a circuit from an EAP-IG file (JSON or .pt) to the store.

    It is marked with the file's name.
    """
    from circuit_sweep import caller

    told = caller.ask("import_circuit", store=str(store), model=model, step=step, task=task, file=str(file))
    console.told(f"{told['circuit']}: {told['edges']} edges from {told['file']}")
