"""What a row of a table is about, and where that is shown; and the file of rows that no view gives."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from sqlite3 import Connection
from typing import Any

from circuit_store import export as files
from circuit_store import output_files
from circuit_store.errors import StoreError
from circuit_tui import command_output
from circuit_tui.explorer import table_request
from circuit_tui.explorer.screens import exports
from circuit_tui.explorer.screens.follower import Panes
from circuit_tui.explorer.table_request import Request

_NODE = re.compile(r"a(\d+)\.h(\d+)")
_HEADS = ("layer", "head"), ("to_layer", "to_head"), ("from_layer", "from_head")
_STEPS = ("step", "gained_step", "lost_step")
_NODES = ("node", "dst", "src")
_CIRCUITS = ("circuits", "circuit", "faithfulness", "composition", "nodes", "size", "similarity")
_LISTS = {"models": "models", "checkpoints": "checkpoints", "units": "checkpoints", "behaviour": "checkpoints"}


_ANALYSES = {
    **dict.fromkeys(("heads", "history", "details"), "heads"),
    **dict.fromkeys(("circuits", "circuit", "faithfulness", "composition", "nodes"), "circuit"),
    **{name: name for name in ("behaviour", "attention", "algorithm", "greater_than")},
}
"""View -> the analysis whose results its rows are of."""


@dataclass(frozen=True)
class Place:
    choice: dict[str, Any] = field(default_factory=dict)
    """What is chosen of the selection."""
    screen: str = "explore"
    """Where it is shown."""
    pane: str = "heads"
    """Where it is shown if that screen is not there."""


def place(view: str, row: dict[str, Any], column: str = "") -> Place:
    """Of a row by the names of its columns; of two heads that of the column under the cursor, else the later one.

    >>> place("nodes", {"model": "m", "step": 5, "task": "ioi", "node": "a5.h3", "score": 0.1}).choice
    {'model': 'm', 'step': 5, 'task': 'ioi', 'head': (5, 3)}
    """
    choice = {name: row[name] for name in ("model", "task", "role") if row.get(name) is not None}
    if view in ("emergence", "logistic") and row.get("name") is not None:
        choice["task" if str(row.get("kind")).startswith("task") else "role"] = row["name"]
    step = next((row[name] for name in _ordered(_STEPS, column) if row.get(name) is not None), None)
    head = _head(row, column)
    choice |= {name: value for name, value in (("step", step), ("head", head)) if value is not None}
    if view in _CIRCUITS:
        return Place(choice, "circuit", "circuit")
    if view in _LISTS:
        return Place(choice, "explore", _LISTS[view])
    return Place(choice, "head" if head else "explore", "heads")


def _head(row: dict[str, Any], column: str) -> tuple[int, int] | None:
    start = column.split("_")[0]
    for layer, head in sorted(_HEADS, key=lambda names: not names[0].startswith(f"{start}_")):
        if isinstance(row.get(layer), int) and isinstance(row.get(head), int):
            return row[layer], row[head]
    for name in _ordered(_NODES, column):
        if found := _NODE.fullmatch(str(row.get(name))):
            return int(found[1]), int(found[2])
    return None


def _ordered(names: tuple[str, ...], first: str) -> list[str]:
    return sorted(names, key=lambda name: name != first)


def origin(view: str, row: dict[str, Any]) -> dict[str, Any] | None:
    """What `queries.provenance` is asked for the result that a row is of; None: it is of several, or of none."""
    analysis = _ANALYSES.get(view)
    if not analysis or row.get("model") is None or row.get("step") is None:
        return None
    return {"analysis": analysis, **{name: row.get(name) for name in ("model", "step", "role", "task")}}


def export(main: Panes, request: Request) -> None:
    """Write the rows of a statement, or counted values, as CSV; a statement's command is told."""
    asker = object()
    simple = request.sql and not (request.by or request.line or request.sort)
    command = f"\n{main.program} sql {shlex.quote(str(request.sql))}" if simple else ""
    taken = command_output.taken(main.store)

    def told(text: str) -> None:
        main.reader.leave(asker)
        main.say(f"{text}{command if ' written to ' in text else ''}")

    main.reader.ask(asker, partial(_write, request=request, taken=taken), told)


def _write(db: Connection, request: Request, taken: output_files.Taken) -> str:
    try:
        name = "-".join(filter(None, ["sql" if request.sql else request.view, request.by and f"by-{request.by}"]))
        safe = "".join(c if c.isalnum() or c in "-_" else "_" for c in name)[:120]
        path = exports.new_file(_lines(db, request), safe, "csv", Path.cwd(), taken)
    except (OSError, StoreError, table_request.BadPattern) as error:
        return f"No file could be written: {error}"
    return f"{path.name} written to {path.parent}"


def _lines(db: Connection, request: Request) -> Iterator[str]:
    of = table_request.table(db, request)
    if request.by:
        return files.lines(of.counted(db, request.by, 0, -1), (request.by, "rows"))
    return files.lines(of.each(db, of.names), of.names)
