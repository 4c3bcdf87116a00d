"""A node of the circuit in words: its roles, its score, and the edges into and out of it."""

from collections.abc import Iterable

from rich.text import Text

from circuit_store.queries import CircuitEdge
from circuit_tui.explorer import theme
from circuit_tui.explorer.diagram import choice
from circuit_tui.explorer.diagram.found import Found
from circuit_tui.explorer.diagram.places import INPUT, LOGITS
from circuit_tui.explorer.widgets.heads import badge
from circuit_tui.explorer.widgets.notation import signed, words

LINES = 3


def node(name: str, found: Found, width: int, colours: theme.Palette) -> Text:
    """Three lines: name, roles and score; what it reads, with its port; what reads it. Largest |score| first."""
    edges, digits = found.circuit.into if found.circuit else None, choice.digits(found.largest)
    into, out = (edges.get(name, []), edges.out_of(name)) if edges else ([], [])
    line = Text(no_wrap=True).append(name, f"bold {colours.accent}")
    for role in found.roles.get(name, ()):
        line.append("  ").append_text(badge(role)).append(f" {words(role)}")
    if name in found.nodes:
        line.append(f"   node score {signed(found.nodes[name], digits)}")
    if not into and not out:
        line.append("   not in the circuit")
    reads = (f"{edge.port + ' ' if edge.port else ''}{edge.src} {_score(edge, digits)}" for edge in into)
    read_by = (f"{edge.dst}{f'<{edge.port}>' if edge.port else ''} {_score(edge, digits)}" for edge in out)
    rest = [
        _list("in", len(into), reads, width) if name != INPUT else Text(),
        _list("out", len(out), read_by, width) if name != LOGITS else Text(),
    ]
    line.truncate(width, overflow="ellipsis")
    return Text("\n").join([line, *(part for part in rest if part)])


def _score(edge: CircuitEdge, digits: int) -> str:
    """A mark after it: the edge is not core."""
    return signed(edge.score, digits) + ("?" if edge.share is not None and edge.share < choice.CORE else "")


def _list(what: str, number: int, parts: Iterable[str], width: int) -> Text:
    """As many as have room."""
    line = f"{what} {number:,}"
    for i, part in enumerate(parts):
        more = f", … {number - i:,} more" if i else ""
        longer = f"{line}{', ' if i else ': '}{part}"
        if len(longer) + len(f", … {number:,} more") * (i + 1 < number) > width:
            line += more
            break
        line = longer
    return Text(line, no_wrap=True, overflow="ellipsis")
