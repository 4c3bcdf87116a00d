"""Where each role is in two models of different shapes: the best head of either, its depth and score, line by line."""

from typing import TYPE_CHECKING

from rich.text import Text

from circuit_tui.explorer import theme
from circuit_tui.explorer.role_display import NEAR_ZERO
from circuit_tui.explorer.state import Head
from circuit_tui.explorer.widgets.heads import badge
from circuit_tui.explorer.widgets.notation import head_name, plain, signed

if TYPE_CHECKING:
    from circuit_sweep.comparison.heads import Best, RoleDepth

STRONG = 0.5
"""The score from which a head is said to have the role, as in a circuit's badges."""
HEADER = " " * 26 + "A       depth score B       depth score depth B−A"


def depth_line(row: "RoleDepth", here: bool, colours: theme.Palette) -> Text:
    """`here`: it is the role that is chosen."""
    line = Text(no_wrap=True).append_text(badge(row.role))
    line.append(f" {plain(row.role).replace('_', ' ')}", f"bold {colours.accent}" if here else "")
    line.truncate(25, overflow="ellipsis", pad=True)
    for best in (row.a, row.b):
        line.append_text(_best(best, colours))
    return line.append(_verdict(row))


def _verdict(row: "RoleDepth") -> str:
    """Whether both have the role, and where B has it."""
    strong = [best is not None and best.score >= STRONG for best in (row.a, row.b)]
    if not all(strong) or row.difference is None:
        return f"in {'A' if strong[0] else 'B'} alone" if any(strong) else "in neither"
    if abs(row.difference) < NEAR_ZERO:
        return "same depth"
    size = signed(row.difference, 2)
    return f"+{size} deeper" if row.difference > 0 else f"{size} earlier"


def _best(best: "Best | None", colours: theme.Palette) -> Text:
    if best is None:
        return Text(f"{'not computed':<20}", colours.muted)
    ink = "" if best.score >= STRONG else colours.muted
    return Text(f"{head_name((best.layer, best.head)):<8}{best.depth:>5.2f}{signed(best.score, 2):>6} ", ink)


def head_of(row: "RoleDepth") -> Head | None:
    """B's head."""
    return (row.b.layer, row.b.head) if row.b else None
