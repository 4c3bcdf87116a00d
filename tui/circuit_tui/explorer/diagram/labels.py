"""What stands in a diagram for a node: badges of its roles and its name, as much as has room beside the others."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from circuit_tui.explorer import theme
from circuit_tui.explorer.diagram.places import MARGIN, Grid, node
from circuit_tui.explorer.widgets.notation import plain

Pieces = tuple[tuple[str, str | None], ...]
"""Text, and the role on whose colour it stands; None: on the ground."""


@dataclass(frozen=True)
class Label:
    row: int
    column: int
    """Of its first character."""
    pieces: Pieces

    @property
    def end(self) -> int:
        return self.column + _length(self.pieces)


def labels(nodes: Iterable[str], roles: Mapping[str, Sequence[str]], grid: Grid) -> dict[str, Label]:
    """Args:
    nodes: those that matter most first.
    """
    names = list(nodes)
    found = {name: _label(name, forms(name, roles.get(name, ()))[-1], grid) for name in names}
    rows: dict[int, list[str]] = {}
    for name in names:
        rows.setdefault(found[name].row, []).append(name)
    for name in names:
        others = [found[other] for other in rows[found[name].row] if other != name]
        for pieces in forms(name, roles.get(name, ())):
            longer = _label(name, pieces, grid)
            if all(longer.end < other.column or other.end < longer.column for other in others):
                found[name] = longer
                break
    return found


def forms(name: str, roles: Sequence[str]) -> list[Pieces]:
    """From the longest to the shortest: `nmsi a9.h9`, `nm a9.h9`, `nm9`, `nm`; without a role `a9.h9`, `h9`."""
    of = node(name)
    if of.kind != "head":
        return [((name, None),)]
    badges = tuple((plain(theme.role(role).badge), role) for role in roles)
    if not badges:
        return [((name, None),), ((f"h{of.head}" if of.head < 10 else f"{of.head}", None),)]
    first = badges[0]
    return [
        *([(*badges, (f" {name}", None))] if len(badges) > 1 else []),
        (first, (f" {name}", None)),
        (first, (f"{of.head}", None)),
        (first,),
    ]


def _label(name: str, pieces: Pieces, grid: Grid) -> Label:
    length = _length(pieces)
    column = min(grid.column(name) - length // 2, grid.width - length)
    return Label(grid.row(name), max(MARGIN, column), pieces)


def _length(pieces: Pieces) -> int:
    return sum(len(text) for text, _ in pieces)
