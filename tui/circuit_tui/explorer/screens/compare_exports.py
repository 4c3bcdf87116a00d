"""What the compare screen writes as files: of the part that has the focus, what it shows."""

from functools import partial
from pathlib import Path
from sqlite3 import Connection
from typing import TYPE_CHECKING, Any

from circuit_core.errors import CircuitError
from circuit_store import export as store_export
from circuit_store import output_files
from circuit_store.errors import StoreError
from circuit_tui import command_output
from circuit_tui.explorer.comparing import Beside
from circuit_tui.explorer.screens import exports
from circuit_tui.explorer.widgets.notation import address

if TYPE_CHECKING:
    from circuit_tui.explorer.screens.compare import Compare


def export(screen: "Compare") -> None:
    """The heads of both sides, the circuits' comparison, or the view of similarities."""
    found, look = screen.found, screen.main.look
    if not found or not look:
        return screen.main.say("There is nothing to export here yet.")
    if screen.part in ("circuit", "nodes") and found.circuits:
        return _compared(screen, found)
    if screen.part == "similarity":
        return screen.main.export({"similarity": {"model": found.b.model, "task": found.b.task}})
    role = {"role": look.at.role} if look.at.role and screen.part != "depth" else {}
    for side in dict.fromkeys((found.a, found.b)):
        screen.main.export({"heads": {"model": side.model, "step": side.step, **role}})


def _compared(screen: "Compare", found: Beside) -> None:
    taken = command_output.taken(screen.main.store)
    write = partial(_write, found=found, program=screen.main.program, taken=taken)
    asker = object()

    def told(text: str) -> None:
        screen.main.reader.leave(asker)
        screen.main.say(text)

    screen.main.reader.ask(asker, write, told)


def _write(db: Connection, found: Beside, program: str, taken: output_files.Taken) -> str:
    """All edges and nodes, or parts. Returns what to tell the user."""
    assert found.circuits
    a, b = address(*found.a), address(*found.b)
    rows: list[tuple[Any, ...]] = found.circuits.rows
    name = exports.file_name("compare", a, b)
    try:
        lines = store_export.lines(rows, [column.name for column in found.circuits.columns])
        path = exports.new_file(lines, name, "csv", Path.cwd(), taken)
    except (OSError, StoreError, CircuitError) as error:
        return f"No file could be written: {error}"
    return f"{path.name} written to {path.parent}\n{exports.quoted(program, 'compare', a, b, '--csv')}"
