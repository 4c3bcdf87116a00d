"""The top heads of each role in a model: those that have it longest in the task's circuits, and their scores over
training. A panel a role, a line a head, with a rim where the head first has the role there.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

from matplotlib.axes import Axes

from circuit_store.display_text import plain
from circuit_tui import role_colours
from circuit_tui.figures import models, style, training
from circuit_tui.figures.files import Drawn, Source, named

ABOUT = "the top heads of each role"
NEEDS = "run MODEL --analyses behaviour,heads,circuit"


def drawn(db: sqlite3.Connection) -> Iterator[Drawn]:
    found = models.by((row for row in Source("emergence").rows(db) if row["kind"] == "top_head"), "model")
    for model in models.ordered(db, found):
        sources = Source("history", {"model": model}, _wanted(found[model])), Source("emergence", {"model": model})
        scores = models.by(sources[0].rows(db), "role", "task", "layer", "head")
        roles = models.by(found[model], "name", "task")
        time, checkpoints = training.of(db, [model])
        figure, panels = style.panels(len(roles))
        for axes, (role, heads) in zip(panels, roles.items(), strict=True):
            _panel(axes, heads, scores, time)
            axes.set_title(style.of_role(role, roles))
        for axes in panels[::3]:
            axes.set_ylabel("score")
        figure.suptitle(plain(f"Top heads · {model}"))
        yield Drawn(named("top_heads", model), f"Top heads of {model}", figure, (*sources, *checkpoints))


def _wanted(heads: list[dict[str, Any]]) -> dict[str, list[str]]:
    """Those roles, layers and heads of the history that any of the heads has."""
    columns = {"role": "name", "layer": "layer", "head": "head"}
    return {column: [str(value) for value in sorted({row[of] for row in heads})] for column, of in columns.items()}


def _panel(
    axes: Axes, heads: Sequence[dict[str, Any]], scores: dict[Any, list[dict[str, Any]]], time: training.Training
) -> None:
    for place, head in enumerate(heads):
        colour = role_colours.role(head["name"]).colour
        x, value = time.curve(scores.get((head["name"], head["task"], head["layer"], head["head"]), []), "value")
        look = {"marker": style.MARKERS[place % 8], "linestyle": style.DASHES[place % 5], "color": colour}
        label, rim = f"a{head['layer']}.h{head['head']}", style.rim(colour)
        axes.plot(x, value, **look, label=label, path_effects=rim, markeredgecolor=style.INK if rim else colour)
        if head["step"] is not None:
            first = x == time.at(head)
            axes.plot(x[first], value[first], marker=look["marker"], color=colour, mec=style.INK, ms=5, linestyle="")
    axes.axhline(0, color=style.MUTED, linewidth=0.6)
    axes.legend(loc="upper left", handlelength=3, borderaxespad=0.2)
    time.along(axes)
