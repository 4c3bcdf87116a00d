"""What leaves the explorer: a view as CSV, a row for the clipboard, and the command lines that give the same."""

import shlex
import sqlite3
from collections.abc import Iterable, Iterator
from os.path import lexists
from pathlib import Path
from typing import Any

from rich.text import Text

from circuit_store import addresses, export, output_files, queries
from circuit_sweep.planning.analyses import OF_PATHS
from circuit_tui.explorer.widgets.notation import plain
from circuit_tui.runs import options
from circuit_tui.view_rows import kept


def csv(
    db: sqlite3.Connection, view: str, filters: dict[str, Any], listed: dict[str, list[str]] | None = None
) -> Iterator[str]:
    """In pieces; `listed` are the options by which rows are kept (`view_rows.kept`), and their `columns`."""
    which, options = queries.view(view), listed or {}
    columns = [name for names in options.get("columns", ()) for name in names.split(",")]
    names = columns or [column.name for column in which.columns]
    return export.lines(kept(db, which, filters, {}, options, columns), names, "csv")


def address(filters: dict[str, Any]) -> str:
    """`MODEL@STEP`, as the command line writes it."""
    step = f"@{filters['step']}" if "step" in filters else ""
    return f"{filters['model']}{step}" if "model" in filters else ""


def command(
    view: str, filters: dict[str, Any], program: str = "circuit-tui", listed: dict[str, list[str]] | None = None
) -> str:
    """The command that prints the same bytes."""
    which = [part for name in addresses.FILTERS if name in filters for part in (f"--{name}", str(filters[name]))]
    which += [
        f"--{name}={value}" if value else f"--{name}" for name, values in (listed or {}).items() for value in values
    ]
    words = [view, *([address(filters)] if "model" in filters else []), *which]
    return quoted(program, "export", *words)


def quoted(program: str, *words: str) -> str:
    """A command line."""
    return f"{program} {shlex.join(words)}"


def write(text: Iterable[str], view: str, filters: dict[str, Any], folder: Path, taken: output_files.Taken) -> Path:
    """Write a file that did not exist, named by what it holds."""
    head = "a{layer}.h{head}".format(**filters) if "head" in filters else ""
    parts = [view, address(filters), str(filters.get("role", "")), str(filters.get("task", "")), head]
    return new_file(text, file_name(*parts), "csv", folder, taken)


def file_name(*parts: str) -> str:
    """Of what a file holds, without a letter that a shell or a folder would take amiss."""
    return "".join(c if c.isalnum() or c in "-_.@~" else "_" for c in "-".join(part for part in parts if part))[:120]


def new_file(text: Iterable[str], name: str, kind: str, folder: Path, taken: output_files.Taken) -> Path:
    """Write a file that did not exist, under the name or one with a number.

    Args:
        text: in parts.
        taken: what no output may be.

    Raises:
        OSError, StoreError: nothing is written.
    """
    paths = (folder / (f"{name}.{kind}" if n == 1 else f"{name}~{n}.{kind}") for n in range(1, 1000))
    path = next((path for path in paths if not lexists(path)), None)
    if path is None:
        raise FileExistsError(f"{folder} holds {name}.{kind} a thousand times: move some away.")
    with output_files.new(path, taken) as file:
        file.writelines(map(str.encode, text))
    return path


def recompute(of: queries.ResultOrigin, program: str = "circuit-tui") -> str:
    """The command that the result was computed by; where it is still held, it computes nothing."""
    facts = of.facts
    of_algorithm = facts.get("role") in OF_PATHS or facts["analysis"] == "greater_than"
    analysis = "algorithm" if of_algorithm else facts["analysis"]
    words = [facts["model"], "--checkpoints", str(facts["step"]), "--analyses", analysis]
    words += ["--tasks", facts["task"]] if facts.get("task") else []
    words += options.words({**of.params, "dtype": facts["dtype"]})
    return f"{program} run {shlex.join(words)}"


def provenance(of: queries.ResultOrigin, program: str = "circuit-tui") -> Text:
    """The command, then fact by fact."""
    lines = Text().append("computed by       ", "dim").append(f"{plain(recompute(of, program))}\n\n", "bold")
    for name, value in {**of.facts, **of.params}.items():
        lines.append(f"{plain(name).replace('_', ' '):<18}", "dim").append(f"{plain(value)}\n")
    return lines
