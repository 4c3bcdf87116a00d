"""What is said of a table: its title, the cell under the cursor, and why it is empty."""

from typing import Any

from rich.text import Text

from circuit_store.display_text import cell
from circuit_store.views import VIEWS
from circuit_tui.explorer import theme
from circuit_tui.explorer.table_request import Request
from circuit_tui.explorer.widgets.notation import plain
from circuit_tui.explorer.widgets.table_grid import Grid

_REASON = "reason"
_IN_TITLE = 48
"""Letters of a filter or a statement."""


def title(grid: Grid, request: Request, reading: bool) -> list[str]:
    """What is shown, of what, how many rows, and which of its columns."""
    of = "@".join(plain(value) for _, value in request.filters) or "whole store"
    number = f"{grid.count:,}{'' if grid.total is not None else ' and more'}"
    shown = len(grid.shown)
    columns = f"columns {grid.first + 1} to {grid.first + shown} of {len(grid.order)}"
    return [
        "reading, esc stops" if reading else "",
        "SQL" if request.sql else request.view,
        _cut(request.sql) if request.sql else of,
        f"{number} values of {plain(request.by)}" if request.by else f"{number} rows",
        f"/{_cut(request.line)}" if request.line else "",
        columns if shown < len(grid.order) else "",
        f"{len(grid.names) - len(grid.order)} hidden" if len(grid.order) < len(grid.names) else "",
    ]


def of_cell(grid: Grid, request: Request, colours: theme.Palette) -> Text:
    """The value in full, of an empty one why there is none, and what its column means."""
    if not grid.row:
        return Text()
    name, value = grid.here, grid.cell
    of = next((column for column in VIEWS[request.view].columns if column.name == name and not request.sql), None)
    text = Text(f"{plain(name)} ", colours.muted)
    if value is not None:
        text.append(plain(cell(value)))
    else:
        text.append(f"is empty: {of.empty}" if of and of.empty else "is empty (NULL)")
    reason: Any = grid.row.get(_REASON)
    if value is None and reason and name != _REASON:
        text.append(f"   reason {plain(reason)}")
    return text.append(f"   {of.meaning}" if of else "", colours.muted)


def why_empty(request: Request) -> str:
    """What would be here, and which key brings it."""
    if request.line:
        return f"Nothing matches {plain(request.line)}: esc clears the filter."
    if request.sql:
        return "The statement gives no rows."
    where = " here: u asks the whole store" if request.filters else ""
    return f"{VIEWS[request.view].about} Nothing of it is computed{where}; ctrl+r asks for a run."


def _cut(text: str) -> str:
    line = plain(" ".join(text.split()))
    return line if len(line) <= _IN_TITLE else line[: _IN_TITLE - 1] + "…"
