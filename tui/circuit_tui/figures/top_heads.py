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
from circuit_tui.role_colours import contrast

ABOUT = "the top heads of each role"
NEEDS = "run MODEL --analyses behaviour,heads,circuit"


def drawn(db: sqlite3.Connection) -> Iterator[Drawn]:
    found = models.by((row for row in Source("emergence").rows(db) if row["kind"] == "top_head"), "model")
    for model in models.ordered(db, found):
        columns = {"role": "name", "layer": "layer", "head": "head"}
        where = {column: [str(v) for v in sorted({row[of] for row in found[model]})] for column, of in columns.items()}
        sources = Source("history", {"model": model}, where), Source("emergence", {"model": model})
        scores = models.by(sources[0].rows(db), "role", "task", "layer", "head")
        roles = models.by(found[model], "name", "task")
        time, checkpoints = training.of(db, [model])
        figure, panels = style.panels(len(roles))
        for place, (axes, (role, heads)) in enumerate(zip(panels, roles.items(), strict=True)):
            _panel(axes, heads, scores, time)
            axes.set_title(style.of_role(role, roles))
            time.along(axes, style.lowest(place, len(panels)))
        for axes in panels[::3]:
            axes.set_ylabel("score")
        figure.suptitle(plain(f"Top heads · {model}"))
        first: dict[str, Any] = {"marker": "o", "color": style.GRID, "markeredgecolor": style.INK, "markersize": 5.5}
        style.legend(figure, [style.key("first in the task's circuit with the role", linestyle="", **first)])
        yield Drawn(named("top_heads", model), f"Top heads of {model}", figure, (*sources, *checkpoints))


def _panel(axes: Axes, heads: Sequence[dict[str, Any]], scores: dict[Any, Any], time: training.Training) -> None:
    colour = role_colours.role(heads[0]["name"]).colour
    for place, head in enumerate(heads):
        x, value = time.curve(scores.get((head["name"], head["task"], head["layer"], head["head"]), []), "value")
        look: dict[str, Any] = {"marker": style.MARKERS[place % 8], "color": colour, "markeredgecolor": style.INK}
        if contrast(colour, style.PAPER) < style.FAINT:  # a dark rim, before the line
            axes.plot(x, value, color=style.MUTED, linewidth=2, label="_rim")
        axes.plot(
            *(x, value),
            **look,
            **style.sparse(x),
            linestyle=style.DASHES[place % 5],
            markeredgewidth=0.3,
            label=f"a{head['layer']}.h{head['head']}",
        )
        first = x == (time.at(head) if head["step"] is not None else None)
        axes.plot(x[first], value[first], **look, markersize=5.5, markeredgewidth=1, linestyle="", label="_first")
    axes.axhline(0, color=style.MUTED, linewidth=0.6)
    axes.set_ylim(top=axes.get_ylim()[1] * 1.5)  # room for the legend
    axes.legend(loc="upper left", ncols=2, handlelength=3, borderaxespad=0.1, columnspacing=1)
