"""A circuit as a diff, line by line: an edge or node of either circuit with its scores, or a part of their |score|.

The rows are those of `circuit_sweep.comparison`: `EDGES`, or `PARTS` of models of two shapes.
"""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from rich.text import Text

from circuit_tui.explorer import theme
from circuit_tui.explorer.state import Head
from circuit_tui.explorer.widgets.heads import badge
from circuit_tui.explorer.widgets.notation import bar, digits_for, finite, plain, plus, signed

if TYPE_CHECKING:
    from circuit_sweep.comparison.edges import Rows

FOUND = ("gained", "lost", "shared")
_MARKS = {"gained": "+", "lost": "−", "shared": "="}
_WORDS = {"gained": "gained", "lost": "lost", "shared": "kept"}
_NAMES, _WIDEST = {"edge": 23, "node": 17}, 42
"""Columns of a name with its mark, and of a node with two roles, that are always kept; the most of them."""
_LEAST = 2
"""Decimals of a score."""


class Change(NamedTuple):
    """A row of `EDGES`."""

    kind: str
    name: str
    found: str
    a: float | None
    b: float | None
    difference: float | None

    @property
    def head(self) -> Head | None:
        """The head that it is about: of an edge the one that writes, else the one that reads."""
        match = re.search(r"a(\d+)\.h(\d+)", self.name)
        return (int(match[1]), int(match[2])) if match else None


class Shares(NamedTuple):
    """A row of `PARTS`."""

    role: str
    depth: str | None
    port: str
    a: float | None
    b: float | None
    difference: float | None

    head = None


def edges(rows: "Rows", only_differences: bool) -> "Rows":
    """What changed most first, as it comes."""
    return rows.select(rows.found != "shared") if only_differences else rows


def nodes(rows: "Rows", only_differences: bool) -> "Rows":
    """What was gained and what was lost before what was kept."""
    return rows.only(*FOUND[: 2 if only_differences else 3])


def counts(rows: "Rows") -> tuple[str, str]:
    """`+ 3 gained  − 1 lost`, and `= 8 kept  shared/union 8/12`."""
    gained, lost, kept = (f"{_MARKS[found]} {rows.count(found):,} {_WORDS[found]}" for found in FOUND)
    return f"{gained}  {lost}", f"{kept}  shared/union {rows.count('shared'):,}/{len(rows):,}"


def digits(rows: "Rows") -> int:
    """Decimals of the scores of a list."""
    return min(4, max(_LEAST, digits_for(rows.largest)))


def change_line(
    row: Change, width: int, here: bool, roles: Iterable[str], decimals: int, colours: theme.Palette
) -> Text:
    """Mark, name, roles, both scores and, where there is room, their difference; `here`: it is about the head that is
    chosen."""
    mark = {"gained": colours.helps, "lost": colours.hurts, "shared": colours.muted}[row.found]
    line = Text(no_wrap=True).append(f"{_MARKS[row.found]} ", mark)
    line.append(plain(row.name), f"bold {colours.accent}" if here else "")
    for role in roles:
        line.append(" ").append_text(badge(role))
    name, room, columns = _columns(width, row.kind, decimals)
    line.truncate(name, overflow="ellipsis", pad=True)
    for value in (row.a, row.b):
        line.append(signed(value, decimals).rjust(room))
    if columns > 2:
        line.append(plus(row.difference, decimals).rjust(room), _ink(row.difference, colours))
    return line


def change_head(width: int, kind: str, decimals: int) -> str:
    """Over the columns of `change_line`, and of the cursor."""
    name, room, columns = _columns(width, kind, decimals)
    return " " * (name + 1) + "".join(name.rjust(room) for name in ("A", "B", "B−A")[:columns])


def _columns(width: int, kind: str, decimals: int) -> tuple[int, int, int]:
    """Columns of the name with its mark, and of a score; how many of these there are."""
    room, least = decimals + 4, _NAMES[kind]
    columns = 3 if width >= least + 3 * room else 2
    return max(least, min(width - columns * room, _WIDEST)), room, columns


def share_line(row: Shares, width: int, colours: theme.Palette) -> Text:
    """Role, depth and port, the parts of both circuits and their difference."""
    line = Text(no_wrap=True).append(plain(row.role).replace("_", " "))
    line.truncate(20, overflow="ellipsis", pad=True)
    line.append(f" {row.depth or '':<7}{row.port:<7}", colours.muted)
    for value in (row.a, row.b):
        line.append(("–" if value is None else f"{value:.0%}").rjust(6))
    line.append(_percent(row.difference).rjust(7), _ink(row.difference, colours))
    room = min(24, width - line.cell_len - 1)
    return line.append(f" {bar(abs(row.difference or 0), room)}", _ink(row.difference, colours)) if room > 5 else line


SHARE_HEAD = f" {'role':<20} {'depth':<7}{'port':<7}{'A':>6}{'B':>6}{'B−A':>7}"
"""Over the columns of `share_line`, and of the cursor."""


def _percent(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:+.0%}".replace("-", "−") if round(100 * value) else "0%"


def _ink(value: float | None, colours: theme.Palette) -> str:
    return colours.muted if not finite(value) else colours.helps if (value or 0) > 0 else colours.hurts
