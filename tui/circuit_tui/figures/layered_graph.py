"""A circuit as a layered diagram: the input at the bottom, the logits at the top, heads of a layer side by side with
their roles' badges, MLPs in a column at the right. An edge is as wide as its |score| and enters a head at its `q`, `k`
or `v` (left, middle, right); blue edges help the task, orange ones hurt it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path

from circuit_tui import role_colours
from circuit_tui.figures import style

PORTS: Mapping[str | None, Any] = {"q": "-", "k": (0, (4, 1.2)), "v": (0, (1.2, 1)), None: "-"}
"""Port -> how the edge is dashed."""
Roles = Mapping[str, Sequence[str]]
"""Head -> its roles."""
_WIDE, _LINE = 0.4, 0.13
"""Inches: of a node, and of a line in it."""
_LAYER, _CLOSEST, _PAGE = 0.72, 0.36, 8.6
"""Inches: between layers, and between those of a model that would be higher than a page."""
_THIN, _THICK = 0.35, 2.6
"""Points: of an edge without a score, and of the largest."""


@dataclass(frozen=True)
class Placed:
    """Where the middle of each node of a circuit is, in inches."""

    places: dict[str, tuple[float, float]]
    layers: dict[int, float]
    width: float
    height: float


def placed(edges: Sequence[Mapping[str, Any]], width: float) -> Placed:
    """Layers without a node of the circuit take no room."""
    names = {edge[end] for edge in edges for end in ("src", "dst")}
    numbered = sorted({_layer(name) for name in names if name not in ("input", "logits")})
    apart = min(_LAYER, max(_CLOSEST, _PAGE / (len(numbered) + 1)))
    layers = {layer: apart * (place + 1) for place, layer in enumerate(numbered)}
    top = apart * (len(numbered) + 1)
    places = {"input": (width / 2, 0.0), "logits": (width / 2, top)}
    for layer, y in layers.items():
        heads = sorted(int(name.partition(".h")[2]) for name in names if name.startswith(f"a{layer}."))
        room = (width - 2 * _WIDE) / max(len(heads), 1)
        places |= {f"a{layer}.h{head}": (room * (i + 0.5), y) for i, head in enumerate(heads)}
        places[f"m{layer}"] = (width - _WIDE, y + apart / 2)
    return Placed({name: place for name, place in places.items() if name in names}, layers, width, top)


def draw(axes: Axes, edges: Sequence[Mapping[str, Any]], at: Placed, roles: Roles) -> None:
    """Nodes are rectangles, edges paths with their names (`a5.h3->a9.h1<q>`) as ids."""
    axes.set_axis_off()
    axes.set_xlim(-0.55, at.width)
    axes.set_ylim(-0.25, at.height + 0.25)
    largest = max((abs(edge["score"]) for edge in edges if edge["score"] is not None), default=0) or 1
    for edge in reversed(edges):  # the largest above the others
        (x0, y0), (x1, y1) = at.places[edge["src"]], at.places[edge["dst"]]
        score, port = edge["score"], edge["port"]
        x1 += {"q": -0.3, "v": 0.3}.get(port, 0) * _WIDE
        y0, y1 = y0 + _LINE, y1 - _LINE
        rise = max((y1 - y0) / 2, 0.1)
        bend = [(x0, y0), (x0, y0 + rise), (x1, y1 - rise), (x1, y1)]
        path = PathPatch(
            Path(bend, [Path.MOVETO, *[Path.CURVE4] * 3]),
            gid=f"{edge['src']}->{edge['dst']}{f'<{port}>' if port else ''}",
            facecolor="none",
            edgecolor=style.MUTED if score is None else style.HELPS if score >= 0 else style.HURTS,
            alpha=0.7,
            linewidth=_THIN + (_THICK - _THIN) * abs(score or 0) / largest,
            linestyle=PORTS[port],
        )
        axes.add_patch(path)
    for layer, y in at.layers.items():
        axes.text(-0.5, y, f"layer {layer}", color=style.MUTED, fontsize=6, va="center")
    middle: dict[str, Any] = {"ha": "center", "va": "center_baseline", "zorder": 5}
    for name, (x, y) in at.places.items():  # a node: its name, and below it a badge a role
        here, ground = roles.get(name, ()), "#ffffff" if name.startswith("a") else style.GRID
        left, low = x - _WIDE / 2, y - _LINE
        frame: dict[str, Any] = {"edgecolor": style.INK, "linewidth": 0.5, "zorder": 3}
        axes.add_patch(Rectangle((left, low), _WIDE, 2 * _LINE, facecolor=ground, **frame))
        axes.text(x, y + _LINE / 2 if here else y, name, fontsize=5.5, **middle)
        wide, size = _WIDE / max(len(here), 1), 4.5 if len(here) > 2 else 5
        for i, of in enumerate(map(role_colours.role, here)):
            axes.add_patch(Rectangle((left + i * wide, low), wide, _LINE, facecolor=of.colour, linewidth=0, zorder=4))
            ink, at_badge = role_colours.ink(of.colour), (left + (i + 0.5) * wide, low + _LINE / 2)
            axes.text(*at_badge, of.badge, fontsize=size, color=ink, **middle)


def _layer(name: str) -> int:
    return int(name[1:].partition(".")[0])
