"""What leaves the explorer: a view as CSV, a row for the clipboard, and the command lines that give the same."""

import shlex
import sqlite3
from pathlib import Path
from typing import Any

from rich.text import Text

from circuit_core.sweep.request import OF_PATHS
from circuit_store import export, queries
from circuit_tui import options
from circuit_tui.widgets.notation import plain

_UNASKED = {"search": "sizes", "preset": "default", "threshold_on": "raw", "areas": "none"}
"""Values that nobody gives."""
_OPTIONS = ("task", "role", "layer", "head")
"""Columns by which a command narrows a view."""


def csv(db: sqlite3.Connection, view: str, filters: dict[str, Any]) -> str:
    which = queries.view(view)
    return export.text(queries.rows(db, which, filters), [column.name for column in which.columns], "csv")


def tsv(db: sqlite3.Connection, view: str, filters: dict[str, Any]) -> str:
    """The rows without a header, tab-separated; an empty cell is NULL."""
    found = queries.rows(db, queries.view(view), filters)
    return "\n".join("\t".join("" if cell is None else plain(cell) for cell in row.values()) for row in found)


def address(filters: dict[str, Any]) -> str:
    """`MODEL@STEP`, as the command line writes it."""
    step = f"@{filters['step']}" if "step" in filters else ""
    return f"{filters['model']}{step}" if "model" in filters else ""


def command(view: str, filters: dict[str, Any], program: str = "circuit-tui") -> str:
    """The command that prints the same bytes."""
    which = [part for name in _OPTIONS if name in filters for part in (f"--{name}", str(filters[name]))]
    words = [view, *([address(filters)] if "model" in filters else []), *which]
    return f"{program} export {shlex.join(words)}"


def write(text: str, view: str, filters: dict[str, Any], folder: Path) -> Path:
    """Write a file that did not exist, named by what it holds."""
    head = "a{layer}.h{head}".format(**filters) if "head" in filters else ""
    parts = [view, address(filters), str(filters.get("role", "")), str(filters.get("task", "")), head]
    name = "".join(c if c.isalnum() or c in "-_.@~" else "_" for c in "-".join(part for part in parts if part))[:120]
    for number in range(1, 1000):
        path = folder / (f"{name}.csv" if number == 1 else f"{name}~{number}.csv")
        try:
            with path.open("x", newline="", encoding="utf-8") as file:
                file.write(text)
            return path
        except FileExistsError:
            continue
    raise FileExistsError(f"{folder} holds {name}.csv a thousand times: move some away.")


def recompute(of: queries.Provenance, program: str = "circuit-tui") -> str:
    """The command that the result was computed by; where it is still held, it computes nothing."""
    facts = of.facts
    of_algorithm = facts.get("role") in OF_PATHS or facts["analysis"] == "greater_than"
    analysis = "algorithm" if of_algorithm else facts["analysis"]
    words = [facts["model"], "--checkpoints", str(facts["step"]), "--analyses", analysis]
    words += ["--tasks", facts["task"]] if facts.get("task") else []
    asked = {name: value for name, value in of.params.items() if value and value != _UNASKED.get(name)}
    words += options.words(asked | ({"dtype": facts["dtype"]} if facts["dtype"] != "float32" else {}))
    return f"{program} run {shlex.join(words)}"


def provenance(of: queries.Provenance, program: str = "circuit-tui") -> Text:
    """The command, then fact by fact."""
    lines = Text().append("computed by       ", "dim").append(f"{plain(recompute(of, program))}\n\n", "bold")
    for name, value in {**of.facts, **of.params}.items():
        lines.append(f"{plain(name).replace('_', ' '):<18}", "dim").append(f"{plain(value)}\n")
    return lines
