"""How faithful circuits of each size are at the last checkpoint that has a curve, on the prompts that chose them and on
held-out ones, beside random circuits of exactly as many edges.
"""

import sqlite3
from collections.abc import Iterator
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from circuit_store.display_text import plain
from circuit_tui.figures import models, style
from circuit_tui.figures.files import Drawn, Source, named
from circuit_tui.figures.training import number, short

ABOUT = "faithfulness of circuits by size"
NEEDS = "run MODEL --analyses behaviour,circuit"
_CURVES: dict[str, tuple[str, dict[str, Any]]] = {
    "faithfulness": ("prompts that chose the circuit", {"color": style.HELPS, "marker": "o"}),
    "held_out_faithfulness": ("held-out prompts", {"color": style.HURTS, "marker": "s", "linestyle": "--"}),
}
_RANDOM: dict[str, Any] = {"color": style.MUTED, "marker": ".", "linestyle": ":"}


def drawn(db: sqlite3.Connection) -> Iterator[Drawn]:
    for task in dict.fromkeys(row["task"] for row in Source("circuits").rows(db)):
        source = Source("faithfulness", {"task": task})
        curves = _last(source.rows(db))
        if not curves:
            continue
        shown = models.ordered(db, curves)
        figure, panels = style.panels(len(shown), sharey=True)
        for axes, model in zip(panels, shown, strict=True):
            _panel(axes, curves[model])
            axes.set_title(plain(f"{model} · step {curves[model][0]['step']:,}"))
        for axes in panels[::3]:
            axes.set_ylabel("faithfulness")
        keys = [style.key(label, **look) for column, (label, look) in _CURVES.items() if _any(curves, column)]
        if _any(curves, "random_baseline"):
            keys.append(style.key("random circuits: mean, smallest to largest", **_RANDOM))
        style.legend(figure, keys)
        figure.suptitle(plain(f"Faithfulness · {task}"))
        yield Drawn(named("faithfulness", task), f"Faithfulness of circuits by size: {task}", figure, (source,))


def _last(rows: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Model -> the curve of its last checkpoint where any of it is defined."""
    found = models.by((row for row in rows if row["n_edges"] is not None), "model", "step")
    defined = {of: curve for of, curve in found.items() if any(row["faithfulness"] is not None for row in curve)}
    return {model: curve for (model, _), curve in sorted(defined.items())}


def _any(curves: dict[str, list[dict[str, Any]]], column: str) -> bool:
    return any(row[column] is not None for curve in curves.values() for row in curve)


def _panel(axes: Axes, curve: list[dict[str, Any]]) -> None:
    values = {name: np.array([number(row[name]) for row in curve]) for name in curve[0]}
    edges = values["n_edges"]
    for level in (0, 1):
        axes.axhline(level, color=style.MUTED, linewidth=0.6)
    at = ~np.isnan(values["random_baseline"])  # measured at some sizes only
    axes.plot(edges[at], values["random_baseline"][at], label="random_baseline", **_RANDOM)
    style.band(axes, edges[at], values["random_low"][at], values["random_high"][at], style.MUTED)
    for column, (_, look) in _CURVES.items():
        axes.plot(edges, values[column], label=column, **look)
    if (edges > 0).all():
        axes.set_xscale("log")
    else:
        axes.set_xscale("symlog", linthresh=1, linscale=0.3)
        axes.set_xlim(left=-0.15)
    axes.xaxis.set_major_formatter(lambda value, _: short(value))
    axes.set_xlabel("edges of the circuit")
