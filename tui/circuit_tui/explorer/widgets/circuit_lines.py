"""A branch of the circuit's tree as one line, and the circuit's figures as two."""

from collections.abc import Iterable
from typing import Any

from rich.text import Text

from circuit_store.queries import CircuitEdge, CircuitOf
from circuit_tui.explorer import theme
from circuit_tui.explorer.diagram.choice import CORE, digits
from circuit_tui.explorer.state import Selection
from circuit_tui.explorer.widgets.circuit_tree import Branch
from circuit_tui.explorer.widgets.heads import badge
from circuit_tui.explorer.widgets.notation import bar, digits_for, finite, plain, signed

KINDS = {"head": "heads", "mlp": "MLPs", "input": "input"}
"""What writes, as the store and as a person calls it."""
FLOORS = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
"""Thresholds, as shares of the largest |score|."""
_HELD_OUT = "held_out_faithfulness"
_WIDEST = 64
"""Columns beyond which name and score would stand too far apart."""


def why_none(at: Selection, circuit: CircuitOf | None, of: str | None) -> str:
    """Why there is no circuit of the task here; nothing if there is one.

    Args:
        of: by what the task's circuits at other checkpoints were found.
    """
    if circuit is None:
        what = " · ".join([plain(at.task), *([plain(of)] if of else [])])
        return f"No circuit of {what} is computed at step {at.step}. , and . go to other checkpoints."
    return "" if circuit.into else f"No circuit here: {plain(circuit.header['reason'] or 'no edge was kept')}."


def worth(circuit: CircuitOf, floor: float) -> str:
    """How it was found and how faithful it is, and what it is made of; `floor` is the least share that is shown."""
    header = circuit.header
    hidden = f" ≥{floor:.0%}" if floor else ""
    why = f" · {plain(header['reason'])}" if header["reason"] else ""
    made_of = " ".join(f"{KINDS[kind]} {share:.0%}" for kind, share in circuit.shares.items())
    if header["imported_from"]:
        return f"imported from {plain(header['imported_from'])}{hidden}\n{made_of}"
    raw, scaled = (signed(header[name], 2) for name in ("faithfulness", "faithfulness_normalised"))
    points = f" m={header['ig_steps']}" if header["ig_steps"] is not None else ""
    method = f"{plain(header['method'])}{points}"
    return f"faithfulness {raw} (normalised {scaled}){_interval(header)}, {method}{hidden}{why}\n{made_of}"


def _interval(header: dict[str, Any]) -> str:
    """Of the faithfulness, with the prompts that it is over; that of held-out ones beside their faithfulness."""
    if header["interval_of"] is None:
        return ""
    names = ("faithfulness_low", "faithfulness_high", _HELD_OUT)
    low, high, held_out = (signed(header[name], 2) for name in names)
    on = "on the prompts that chose it" if header[_HELD_OUT] is None else f"held out {held_out}"
    return f", {on} {low} to {high}"


def branch_line(
    branch: Branch, width: int, here: bool, roles: Iterable[str], largest: float, colours: theme.Palette
) -> Text:
    """Node, port, the node's strong roles, the score, and the share of resamples that hold the edge; `largest` is the
    |score| of a full bar."""
    sign = ("▾" if branch.open else "↺" if branch.again else "▸") if branch.opens else " "
    line = Text(no_wrap=True)
    line.append(f"{'  ' * branch.depth}{sign} ", colours.muted)
    line.append(branch.node, f"bold {colours.accent}" if here else "")
    if branch.edge is None:
        return line
    line.append(f" <{branch.edge.port}>" if branch.edge.port else "", colours.muted)
    for role in roles:
        line.append(" ").append_text(badge(role))
    return scored(line, branch.edge, width, largest, colours)


def scored(line: Text, edge: CircuitEdge, width: int, largest: float, colours: theme.Palette) -> Text:
    """Behind the line: the score, the share of resamples that hold the edge, and a bar; `largest` is a full one."""
    width = min(width, _WIDEST)
    digits = digits_for(largest)
    figure = signed(edge.score, digits).rjust(digits + 4)
    share = "" if finite(edge.share) is None else f"{edge.share:5.0%}"
    room = max(6, min(24, width // 5))
    line.truncate(max(0, width - len(figure) - len(share) - room - 2), overflow="ellipsis", pad=True)
    line.append(figure).append(share, colours.muted).append(" ")
    size = finite(edge.score) or 0.0
    length = abs(size) / largest if largest else 0
    return line.append(bar(length, room), colours.helps if size > 0 else colours.hurts)


def edge_line(edge: CircuitEdge, width: int, largest: float, colours: theme.Palette) -> Text:
    """An edge with its score, the standard error of that, and the share of resamples that hold it.

    Its sign is a line in the colour of the score: broken if the edge is not core.
    """
    score, decimals = finite(edge.score), digits(largest)
    colour = colours.muted if score is None else colours.helps if score >= 0 else colours.hurts
    line = Text("╌ " if edge.share is not None and edge.share < CORE else "━ ", colour, no_wrap=True)
    figures = Text(signed(edge.score, decimals).rjust(decimals + 4))
    if finite(edge.se) is not None:
        figures.append(f" ±{signed(edge.se, decimals)}", colours.muted)
    if edge.share is not None:
        figures.append(f"{edge.share:5.0%}", colours.muted)
    line.append(edge.name, "default")
    line.truncate(max(0, min(width, _WIDEST) - figures.cell_len), overflow="ellipsis", pad=True)
    return line.append_text(figures)
