"""The look of all figures: light ground, small sans-serif type for one or two columns of a paper, embedded fonts.

Roles have the colours and badges of the explorer. Models of several sizes have a ramp from dark to light, which keeps
its order for colour-blind eyes and in print, and a marker each. What is too light for white paper has a dark rim.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from math import ceil
from textwrap import fill
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from circuit_store.display_text import plain
from circuit_tui.role_colours import role

COLUMN, PAGE = 3.3, 6.9
"""Widths in inches: of a column, and of two."""
INK, MUTED, GRID = "#20262c", "#57616b", "#e4e8eb"
HELPS, HURTS = "#00588f", "#a34700"
"""Scores above and below zero."""
MARKERS = "o^sDvP*X"
DASHES = ("-", (0, (4, 1.5)), (0, (1, 1)), (0, (5, 1.5, 1, 1.5)), (0, (8, 2)))
PAPER, FAINT = "#ffffff", 2.2
"""Of less contrast than this with paper, a line has a dark rim."""
_MARKS = 20
_SETTINGS: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # matplotlib's own: the same everywhere
    "font.size": 7,
    "axes.titlesize": 7.5,
    "axes.titlelocation": "left",
    "axes.labelsize": 7,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.linewidth": 0.6,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.titlesize": 8,
    "figure.constrained_layout.use": True,
    "grid.color": GRID,
    "grid.linewidth": 0.5,
    "legend.fontsize": 6.5,
    "legend.frameon": False,
    "lines.linewidth": 1.1,
    "lines.markersize": 2.8,
    "pdf.fonttype": 42,  # TrueType, embedded: text stays text
    "ps.fonttype": 42,
    "savefig.dpi": 300,
    "svg.fonttype": "path",
    "svg.hashsalt": "circuit-tui",
    "text.color": INK,
    "text.parse_math": False,  # names are what others chose
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
}


@contextmanager
def paper() -> Iterator[None]:
    """Within, figures are drawn and saved in this style, whatever a user's own settings of matplotlib are."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_SETTINGS)
        yield


def panels(count: int, across: int = 3, height: float = 1.7, **more: Any) -> tuple[Figure, list[Axes]]:
    """A figure with as many axes as are wanted, row by row: a column wide if there is one, else two."""
    columns = min(count, across)
    rows = ceil(count / columns)
    size = COLUMN if columns == 1 else PAGE, rows * height + 0.5
    figure = Figure(figsize=size)
    axes = figure.subplots(rows, columns, squeeze=False, **more).flatten().tolist()
    for unused in axes[count:]:
        figure.delaxes(unused)
    return figure, axes[:count]


def sizes(count: int) -> list[dict[str, Any]]:
    """Of models from the smallest to the largest: how each one's line looks."""
    ramp = matplotlib.colormaps["viridis"](np.linspace(0.05, 0.78, max(count, 2))[:count])
    return [
        {"color": tuple(colour), "marker": MARKERS[i % len(MARKERS)], "linestyle": DASHES[i // len(MARKERS) % 5]}
        for i, colour in enumerate(ramp)
    ]


def lowest(place: int, count: int, across: int = 3) -> bool:
    """Whether a panel of `panels` has none below it."""
    return place + across >= count


def sparse(x: Any) -> dict[str, Any]:
    """Marks on a long curve at some of its points only."""
    return {"markevery": max(1, len(x) // _MARKS)}


def counted(axes: Axes, x: Any, y: Any, counts: Any, label: str, **look: Any) -> None:
    """A line whose marks are hollow where what they stand for does not count."""
    axes.plot(x, y, **{**look, "marker": "", "label": label})
    for some, face in ((counts == 1, look["color"]), (counts != 1, PAPER)):
        at = np.where(some, y, np.nan)
        axes.plot(x, at, linestyle="", marker=look["marker"], color=look["color"], markerfacecolor=face)


def band(axes: Axes, x: Any, low: Any, high: Any, colour: Any) -> None:
    """An interval."""
    axes.fill_between(x, low, high, color=colour, alpha=0.18, linewidth=0)


def vacant(axes: Axes, reason: str | None) -> None:
    """Why there is nothing in a panel."""
    text = fill(plain(f"undefined: {reason}" if reason else "not computed"), 34)
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=MUTED, fontsize=6)


def legend(figure: Figure, lines: Sequence[Any], across: int = 6) -> None:
    """One legend, below all panels."""
    if lines:
        figure.legend(handles=lines, loc="outside lower center", ncols=min(len(lines), across), handlelength=2.4)


def key(label: str, **look: Any) -> Line2D:
    """An entry of a legend."""
    return Line2D([], [], label=plain(label), **look)


def words(name: str) -> str:
    """A role as one writes it."""
    return "S-inhibition" if name == "s_inhibition" else name.replace("_", " ")


def of_role(of: tuple[str, str | None], among: Collection[tuple[str, str | None]]) -> str:
    """A role with its badge, and its task where another has the same role."""
    name, task = of
    several = task is not None and sum(other == name for other, _ in among) > 1
    return plain(f"{words(name)}{f' · {task}' if several else ''} [{role(name).badge}]")
