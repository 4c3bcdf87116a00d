"""Circuits over training: their size, and how far those of neighbouring checkpoints agree, beside what two circuits
would share if only their prompts differed.
"""

import sqlite3
from collections.abc import Iterator
from typing import Any

import numpy as np

from circuit_store.display_text import plain
from circuit_tui.figures import models, style, training
from circuit_tui.figures.files import Drawn, Source, named

ABOUT = "size and similarity of circuits over training"
NEEDS = "run MODEL --analyses behaviour,circuit"
_SIZES = {"n_edges": "edges of the circuit", "n_nodes": "nodes of the circuit"}
_KINDS = {"edge": "edges", "node": "nodes", "weighted": "edges, weighted by |score|"}
_LOOKS = {"neighbour": (style.HELPS, "o", "-"), "final": (style.HURTS, "s", (0, (4, 1.5)))}


def drawn(db: sqlite3.Connection) -> Iterator[Drawn]:
    tasks = dict.fromkeys(row["task"] for row in Source("size").rows(db) if row["n_edges"] is not None)
    for task in tasks:
        yield _size(db, Source("size", {"task": task}), task)
    for task in tasks:
        source = Source("similarity", {"task": task})
        rows = [row for row in source.rows(db) if row["edge_jaccard"] is not None]
        if rows:
            yield _similarity(db, source, rows, task)


def _size(db: sqlite3.Connection, source: Source, task: str) -> Drawn:
    """Two panels, a line a model; a circuit that does not count as the task's is hollow."""
    by_model = models.by(source.rows(db), "model")
    look = models.looks(models.ordered(db, by_model))
    time, checkpoints = training.of(db, list(look))
    figure, panels = style.panels(len(_SIZES))
    for axes, (column, label) in zip(panels, _SIZES.items(), strict=True):
        for model, how in look.items():
            x, size, counts = time.curve(by_model[model], column, "counts")
            style.counted(axes, x, size, counts, plain(model), **how)
        axes.set_ylabel(label)
        axes.set_ylim(bottom=0)
        time.along(axes)
    figure.suptitle(plain(f"Circuit size · {task}"))
    style.legend(figure, [*models.legend(look), _hollow("not the task's circuit")])
    return Drawn(named("size", task), f"Circuit size over training: {task}", figure, (source, *checkpoints))


def _similarity(db: sqlite3.Connection, source: Source, rows: list[dict[str, Any]], task: str) -> Drawn:
    """A line of panels a model, a panel a kind of similarity."""
    by_model = models.by(rows, "model")
    shown = models.ordered(db, by_model)
    time, checkpoints = training.of(db, shown)
    figure, panels = style.panels(3 * len(shown), height=1.35, sharex=True, sharey=True)
    for place, (axes, (model, kind)) in enumerate(
        zip(panels, ((model, kind) for model in shown for kind in _KINDS), strict=True)
    ):
        # At the earlier checkpoint of each pair; the noise floor is that of neighbours.
        pairs = models.by((row for row in by_model[model] if row["against"] in _LOOKS), "against")
        for against, of in pairs.items():
            colour, marker, dashes = _LOOKS[against]
            columns = f"{kind}_jaccard", f"{kind}_floor", f"{kind}_floor_low", "counts"
            x, value, floor, low, counts = time.curve(of, *columns, end="_a")
            style.counted(axes, x, value, counts, against, color=colour, marker=marker, linestyle=dashes)
            if against == "neighbour" and not np.isnan(floor).all():
                axes.plot(x, floor, color=style.MUTED, linestyle=":", label="floor")
                style.band(axes, x, low, floor, style.MUTED)
        axes.set_ylim(-0.04, 1.04)
        time.along(axes, place >= len(panels) - len(_KINDS))
        if place < len(_KINDS):
            axes.set_title(_KINDS[kind])
        if place % len(_KINDS) == 0:
            axes.set_ylabel(f"{plain(model)}\nJaccard")
    names = {"neighbour": "with the next checkpoint", "final": "with the last checkpoint"}
    lines = [style.key(names[of], color=c, marker=m, linestyle=s) for of, (c, m, s) in _LOOKS.items()]
    lines.append(_hollow("of circuits that are not both the task's"))
    if any(row[f"{kind}_floor"] is not None for row in rows for kind in _KINDS):
        about = "noise floor of neighbours: mean, down to its 2.5 % quantile"
        lines.append(style.key(about, color=style.MUTED, linestyle=":"))
    style.legend(figure, lines, 2)
    figure.suptitle(plain(f"Similarity of circuits · {task}"))
    return Drawn(named("similarity", task), f"Similarity of circuits: {task}", figure, (source, *checkpoints))


def _hollow(label: str) -> Any:
    return style.key(label, marker="o", linestyle="", color=style.MUTED, markerfacecolor="white")
