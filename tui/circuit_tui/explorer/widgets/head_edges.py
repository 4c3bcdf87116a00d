"""Edges into a head or out of it, and the effects of heads on it: what is at the other end, and how much it does."""

from dataclasses import dataclass
from typing import Any

from rich.text import Text

from circuit_store import queries
from circuit_tui.explorer import theme
from circuit_tui.explorer.widgets.circuit_lines import scored
from circuit_tui.explorer.widgets.heads import badge
from circuit_tui.explorer.widgets.notation import bar, digits_for, finite, plain, signed

STRONGEST = 8
"""Senders that are shown of each set of receivers."""
_SENDER, _BAR = 9, 20


def edge_line(
    edge: queries.CircuitEdge, into: bool, roles: tuple[str, ...], largest: float, width: int, colours: theme.Palette
) -> Text:
    """The node at the other end with its strong roles, the port, the score and its share of resamples; `largest` is the
    |score| of a full bar."""
    port = f"<{edge.port}>" if edge.port else ""
    line = Text(no_wrap=True)
    if into:
        line.append(f"{port:<4}", colours.muted).append(edge.src)
    else:
        line.append(edge.dst).append(f" {port}" if port else "", colours.muted)
    for role in roles:
        line.append(" ").append_text(badge(role))
    return scored(line, edge, width, largest, colours)


@dataclass(frozen=True)
class Effect:
    """A line on the effects of heads along their paths to some receivers: what the set is, or one sender."""

    text: str = ""
    """Instead of a sender."""
    topic: bool = False
    sender: str = ""
    effect: float | None = None
    metric: float | None = None
    digits: int = 2
    largest: float = 0.0
    """|effect| of a full bar."""


def largest_effect(found: queries.PatchOf | None) -> float:
    """|effect| of the strongest sender; 0 if none has one."""
    return max((abs(row["effect"]) for row in found.senders if finite(row["effect"])), default=0.0) if found else 0.0


def of_set(to: str, found: queries.PatchOf, largest: float) -> list[Effect]:
    """The strongest senders of one set of receivers."""
    clean, corrupted = (signed(found.header[f"metric_{of}"], 2) for of in ("clean", "corrupted"))
    rows = [Effect(f"to {to}   metric {clean} clean, {corrupted} corrupted", True)]
    if found.header["reason"]:
        rows.append(Effect(f"undefined: {plain(found.header['reason'])}"))
    digits = digits_for(largest_effect(found))
    return rows + [_sender(row, digits, largest) for row in found.senders[:STRONGEST]]


def _sender(row: dict[str, Any], digits: int, largest: float) -> Effect:
    return Effect("", False, row["sender"], finite(row["effect"]), row["metric"], digits, largest)


def effect_line(row: Effect, width: int, colours: theme.Palette) -> Text:
    if not row.sender:
        return Text(row.text, "" if row.topic else colours.muted, no_wrap=True, overflow="ellipsis")
    line = Text(f"  {row.sender:<{_SENDER}}{signed(row.effect, row.digits):>11} ", no_wrap=True)
    share = abs(row.effect) / row.largest if row.effect and row.largest else 0
    room = max(1, min(_BAR, width - _SENDER - 14 - 15))
    line.append(bar(share, room), colours.helps if (row.effect or 0) > 0 else colours.hurts)
    return line.append(f" metric {signed(row.metric, 2)}", colours.muted)
