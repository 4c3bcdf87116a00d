"""Circuits to and from files; the work is done by a process that may import torch."""

import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from circuit_sweep.runner import launch
from circuit_tui import command_output
from circuit_tui.terminal import console

_CARRY = "circuit_sweep.circuit_files"


def export(
    store: Path, address: str, kind: str, output: Path | None, size: int | None, choices: dict[str, Any]
) -> None:
    """Raises: ValueError, CircuitError."""
    named = re.fullmatch(r"(?P<model>.+?)(?:@(?P<step>[^@/]+))?/(?P<task>[^/]+)", address)
    if not named:
        raise ValueError(f"{address} names no circuit: give MODEL@STEP/TASK, such as sample-0.2m@final/ioi.")
    at = [named["model"], named["step"] or "final", named["task"]]
    if kind == "eap-ig-pt" and output is None and console.terminal(sys.stdout):
        raise ValueError("eap-ig-pt is no text: name a file with --output FILE.")
    with command_output.to(output, store) as file, tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "circuit"
        launch.ask(_CARRY, "export", str(store), *at, kind, str(made), choices, size)
        with made.open("rb") as circuit:
            shutil.copyfileobj(circuit, file)


def take(store: Path, file: Path, model: str, step: str, task: str) -> None:
    """Raises: CircuitError."""
    told = launch.ask(_CARRY, "import", str(store), model, step, task, str(file))
    console.told(f"{told['circuit']}: {told['edges']} edges from {told['file']}")
