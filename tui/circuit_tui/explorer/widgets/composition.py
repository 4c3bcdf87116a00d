"""What a circuit is made of, a line for what writes and one for each place where it is read."""

from collections.abc import Iterable
from typing import Any

from rich.text import Text

from circuit_tui.explorer import theme
from circuit_tui.explorer.widgets.circuit_lines import KINDS
from circuit_tui.explorer.widgets.notation import bar, finite

UNIT = "percent of |score|, by where it is read"
_PORTS = ("q", "k", "v", "mlp", "logits")
_NAME, _FIGURES = 14, 32
"""Columns of the name, and of that and all numbers without the edges."""
_BAR = 12


def ordered(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of the view `composition`: what writes most first, and below it where that is read."""
    rows = list(rows)
    kinds = sorted((row for row in rows if row["port"] is None), key=lambda row: -(row["share_of_score"] or 0))
    read = {(row["kind"], row["port"]): row for row in rows}
    places = ((kind["kind"], port) for kind in kinds for port in (None, *_PORTS))
    return [read[place] for place in places if place in read]


def line(row: dict[str, Any], width: int, colours: theme.Palette) -> Text:
    """Name, nodes, edges and share, as far as there is room for the middle ones."""
    share, whole = finite(row["share_of_score"]), row["port"] is None
    text = Text(f"{KINDS[row['kind']] if whole else '  into ' + row['port']:<{_NAME}}", no_wrap=True)
    text.append(f"{_counted(row['nodes'], 'node'):>10}")
    text.append(f"{_counted(row['edges'], 'edge'):>12}" if width >= _FIGURES + 12 else "")
    text.append(f"{share:>8.1%}  ".replace("%", " %") if share is not None else f"{'–':>10}  ")
    room = min(_BAR, width - text.cell_len)
    return text.append(bar(share or 0, room) if room > 3 else "", colours.accent if whole else colours.muted)


def _counted(number: int, what: str) -> str:
    """`1 node `, `2 nodes`: of one width, so that numbers stand below each other."""
    return f"{number:,} {what}{' ' if number == 1 else 's'}"
