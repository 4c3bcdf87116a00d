"""Commands that carry circuits to other tools and back: `circuit export` and `circuit import`."""

from pathlib import Path
from typing import Any

import click

from circuit_tui.cli.main import main
from circuit_tui.cli.show import among_circuits

FORMATS = ["eap-ig-json", "eap-ig-pt", "graphml", "dot"]


@main.group()
def circuit() -> None:
    """Circuits as files of other tools."""


@circuit.command("export")
@click.argument("address", metavar="MODEL@STEP/TASK")
@click.option("--format", "kind", required=True, type=click.Choice(FORMATS), help="What to write.")
@click.option("--output", type=click.Path(path_type=Path), help="Write to this file instead of stdout.")
@click.option("--size", type=click.IntRange(1), help="The circuit of so many edges, instead of the one chosen.")
@among_circuits
@click.pass_obj
def export_circuit(store: Path, address: str, kind: str, output: Path | None, size: int | None, **choices: Any) -> None:
    """Write a circuit, with the scores of all edges, for EAP-IG or a graph drawing tool."""
    from circuit_tui.cli import circuit_io

    circuit_io.export(store, address, kind, output, size, {k: v for k, v in choices.items() if v is not None})


@circuit.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--model", required=True, help="Model that the circuit is of: a known name or a folder.")
@click.option("--step", required=True, help="Step of the checkpoint, or final.")
@click.option("--task", required=True, help="Task that the circuit is for: a name or a file of pairs.")
@click.pass_obj
def import_circuit(store: Path, file: Path, model: str, step: str, task: str) -> None:
    """Take a circuit from an EAP-IG file (JSON or .pt) into the store, where it is marked with the file's name."""
    from circuit_tui.cli import circuit_io

    circuit_io.take(store, file, model, step, task)
