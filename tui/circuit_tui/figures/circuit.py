"""The circuit of each model and task at the last checkpoint that has one, as a layered diagram, and beside it how far
each stage of the algorithm is done over training.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from circuit_store.display_text import plain
from circuit_tui import role_colours
from circuit_tui.figures import layered_graph, models, style, training
from circuit_tui.figures.files import Drawn, Source, named

ABOUT = "the circuit as a diagram"
NEEDS = "run MODEL --analyses all"
EDGES = 60
"""Drawn at most: the largest by |score|."""
_STAGES = {
    "movers_and_suppressors": ("name movers and copy suppression", "name_mover"),
    "s_inhibition": ("S-inhibition", "s_inhibition"),
    "induction_and_duplicate": ("induction and duplicate token", "induction"),
}
"""Stage -> what a panel says of it, and the role whose colour it has; from the logits upstream."""
_SIGNS = {"helps": style.HELPS, "hurts": style.HURTS}


def drawn(db: sqlite3.Connection) -> Iterator[Drawn]:
    circuits = models.by((row for row in Source("circuits").rows(db) if row["n_edges"]), "model", "task")
    for model in models.ordered(db, (model for model, _ in circuits)):
        time, checkpoints = training.of(db, [model])
        emergence = Source("emergence", {"model": model})
        heads = [row for row in emergence.rows(db) if row["kind"] == "head" and row["step"] is not None]
        for task in (task for of, task in circuits if of == model):
            last = circuits[model, task][-1]
            source = Source("circuit", {"model": model, "step": last["step"], "task": task})
            stages = Source("algorithm", {"model": model, "task": task})
            over_time = models.by((row for row in stages.rows(db) if row["stage"] in _STAGES), "stage")
            figure = _figure(last, source.rows(db), _roles(heads, last["step"]), over_time, time)
            sources = (source, emergence, *((stages, *checkpoints) if over_time else ()))
            yield Drawn(named("circuit", model, task), f"Circuit of {model} for {task}", figure, sources)


def _roles(heads: Sequence[dict[str, Any]], step: int) -> dict[str, list[str]]:
    """Head -> the roles that it has at a step: emerged by then, and not lost."""
    there = [row for row in heads if row["step"] <= step and (row["lost_step"] is None or row["lost_step"] > step)]
    by_head = models.by(there, "layer", "head")
    return {
        f"a{layer}.h{head}": sorted(dict.fromkeys(row["name"] for row in rows), key=role_colours.place)
        for (layer, head), rows in by_head.items()
    }


def _figure(
    last: dict[str, Any],
    edges: Sequence[dict[str, Any]],
    roles: layered_graph.Roles,
    stages: dict[str, list[dict[str, Any]]],
    time: training.Training,
) -> Figure:
    shown = edges[:EDGES]
    at = layered_graph.placed(shown, 4.0 if stages else style.PAGE - 0.6)
    figure = Figure(figsize=(style.PAGE, max(at.height + 1.3, 3.6)))
    if stages:
        grid = figure.add_gridspec(len(_STAGES), 2, width_ratios=(4.55, 2.2))
        axes = figure.add_subplot(grid[:, 0])
        for place, stage in enumerate(_STAGES):
            beside = figure.add_subplot(grid[place, 1])
            _stage(beside, stage, stages.get(stage, []), time, last)
            time.along(beside, place == len(_STAGES) - 1)
    else:
        axes = figure.add_subplot()
    layered_graph.draw(axes, shown, at, roles)
    part = f"the {len(shown)} largest of {len(edges):,} edges" if len(shown) < len(edges) else f"{len(edges)} edges"
    axes.set_title(plain(f"{last['model']} · {last['task']} · step {last['step']:,} · {part}"))
    # What colours and dashes of edges mean, then the badges of the roles that are there.
    keys: list[Any] = [style.key(label, color=colour, linewidth=2) for label, colour in _SIGNS.items()]
    for port, dashes in layered_graph.PORTS.items():
        if port:
            keys.append(style.key(f"read by {port}", color=style.INK, linestyle=dashes))
    if stages:
        keys.append(style.key("random heads", color=style.MUTED, linestyle=":"))
    there = dict.fromkeys(role for name in at.places for role in roles.get(name, ()))
    for name in sorted(there, key=role_colours.place):
        of = role_colours.role(name)
        keys.append(Patch(facecolor=of.colour, label=plain(f"{of.badge} {style.words(name)}")))
    style.legend(figure, keys, 6)
    return figure


def _stage(axes: Axes, stage: str, rows: list[dict[str, Any]], time: training.Training, last: dict[str, Any]) -> None:
    """Percent of the paths' effect that the stage's heads have, its interval, and that of random heads."""
    title, role = _STAGES[stage]
    colour = role_colours.role(role).colour
    x, percent, low, high, random = time.curve(rows, "percent", "low", "high", "percent_random")
    axes.plot(x, random, color=style.MUTED, linestyle=":", label="percent_random")
    axes.plot(x, percent, color=colour, marker="o", label="percent", **style.sparse(x))
    style.band(axes, x, low, high, colour)
    if np.isnan(percent).all():
        style.vacant(axes, rows[-1]["reason"] if rows else None)
    axes.axvline(time.at(last), color=style.MUTED, linewidth=0.5)
    axes.set_ylim(-4, 105)
    axes.set_ylabel("% of effect")
    axes.set_title(title)
