"""What leaves the explorer: a view as CSV, a row for the clipboard, and the command lines that give the same."""

import shlex
import sqlite3
from pathlib import Path
from typing import Any

from rich.text import Text

from circuit_core.sweep.request import OF_PATHS
from circuit_store import export, queries
from circuit_tui import options, printing
from circuit_tui.widgets.notation import plain

_UNASKED = {"search": "sizes", "preset": "default", "threshold_on": "raw", "areas": "none"}
"""Values that nobody gives."""
_OPTIONS = ("task", "role", "layer", "head")
"""Columns by which a command narrows a view."""


def csv(db: sqlite3.Connection, view: str, filters: dict[str, Any], listed: dict[str, list[str]] | None = None) -> str:
    """`listed` are the options by which rows are kept (`printing.kept`)."""
    which = queries.view(view)
    rows = printing.kept(queries.rows(db, which, filters), which, listed or {})
    return export.text(rows, [column.name for column in which.columns], "csv")


def tsv(db: sqlite3.Connection, view: str, filters: dict[str, Any]) -> str:
    """The rows without a header, tab-separated; an empty cell is NULL."""
    found = queries.rows(db, queries.view(view), filters)
    return "\n".join("\t".join("" if cell is None else plain(cell) for cell in row.values()) for row in found)


def address(filters: dict[str, Any]) -> str:
    """`MODEL@STEP`, as the command line writes it."""
    step = f"@{filters['step']}" if "step" in filters else ""
    return f"{filters['model']}{step}" if "model" in filters else ""


def command(
    view: str, filters: dict[str, Any], program: str = "circuit-tui", listed: dict[str, list[str]] | None = None
) -> str:
    """The command that prints the same bytes."""
    which = [part for name in _OPTIONS if name in filters for part in (f"--{name}", str(filters[name]))]
    which += [f"--{name}={value}" for name, values in (listed or {}).items() for value in values]
    words = [view, *([address(filters)] if "model" in filters else []), *which]
    return f"{program} export {shlex.join(words)}"


def write(text: str, view: str, filters: dict[str, Any], folder: Path) -> Path:
    """Write a file that did not exist, named by what it holds."""
    head = "a{layer}.h{head}".format(**filters) if "head" in filters else ""
    parts = [view, address(filters), str(filters.get("role", "")), str(filters.get("task", "")), head]
    name = "".join(c if c.isalnum() or c in "-_.@~" else "_" for c in "-".join(part for part in parts if part))[:120]
    return new_file(text, name, "csv", folder)


def new_file(text: str, name: str, kind: str, folder: Path) -> Path:
    """Write a file that did not exist, under the name or one with a number. Raises: OSError."""
    for number in range(1, 1000):
        path = folder / (f"{name}.{kind}" if number == 1 else f"{name}~{number}.{kind}")
        try:
            with path.open("x", newline="", encoding="utf-8") as file:
                file.write(text)
            return path
        except FileExistsError:
            continue
    raise FileExistsError(f"{folder} holds {name}.{kind} a thousand times: move some away.")


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
