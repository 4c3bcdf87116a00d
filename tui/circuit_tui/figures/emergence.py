"""The earliest head of each role by the size of the model: when it comes, by the rule of the paper's figure (heads in
circuits that count), and over all heads of the model. What does not come stands at the right, hollow.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

from matplotlib.axes import Axes

from circuit_tui import role_colours
from circuit_tui.figures import models, style, training
from circuit_tui.figures.files import Drawn, Source, named

ABOUT = "the earliest head of each role"
NEEDS = "run MODEL --analyses heads,circuit"
_FORMS = {"figure_2_head": "as published: heads in the task's circuits", "role": "all heads"}
_SPREAD = 0.6
"""Of the height of a role's line, between the smallest model and the largest."""
_NEVER = 1.03
"""Where what does not come stands, as a share of the axis."""


def drawn(db: sqlite3.Connection) -> Iterator[Drawn]:
    source = Source("emergence")
    rows = [row for row in source.rows(db) if row["kind"] in _FORMS]
    if not rows:
        return
    sizes = models.ordered(db, (row["model"] for row in rows))
    roles = _roles(rows)
    time, checkpoints = training.of(db, sizes)
    figure, panels = style.panels(2, height=max(0.28, 0.07 * len(sizes) + 0.1) * len(roles) + 0.9, sharey=True)
    for axes, (kind, title) in zip(panels, _FORMS.items(), strict=True):
        _heads(axes, [row for row in rows if row["kind"] == kind], sizes, roles, time)
        axes.set_title(title)
        time.along(axes)
    panels[0].set_yticks(range(len(roles)), [style.of_role(role, roles) for role in roles])
    panels[0].set_ylim(len(roles) - 0.4, -0.6)
    marks = [
        style.key(model, marker=style.MARKERS[i % len(style.MARKERS)], linestyle="", color=style.MUTED, markersize=4)
        for i, model in enumerate(sizes)
    ]
    hollow = style.key(
        "does not come", marker="o", linestyle="", color=style.MUTED, markerfacecolor="none", markersize=4
    )
    style.legend(figure, [*marks, hollow], 5)
    yield Drawn(named("emergence"), "The earliest head of each role by size", figure, (source, *checkpoints))


def _heads(
    axes: Axes,
    rows: Sequence[dict[str, Any]],
    sizes: Sequence[str],
    roles: Sequence[tuple[str, str | None]],
    time: training.Training,
) -> None:
    for row in rows:
        place = sizes.index(row["model"])
        y = roles.index((row["name"], row["task"])) + _SPREAD * ((place + 0.5) / len(sizes) - 0.5)
        colour, marker = role_colours.role(row["name"]).colour, style.MARKERS[place % len(style.MARKERS)]
        look: dict[str, Any] = {
            "marker": marker,
            "linestyle": "",
            "markersize": 4.5,
            "markeredgewidth": 0.5,
            "clip_on": False,
        }
        if row["step"] is None:
            never: dict[str, Any] = {"markerfacecolor": "none", "markeredgecolor": colour}
            axes.plot([_NEVER], [y], transform=axes.get_yaxis_transform(), **look, **never)
        else:
            axes.plot([time.at(row)], [y], color=colour, markeredgecolor=style.INK, **look)


def _roles(rows: Sequence[dict[str, Any]]) -> list[tuple[str, str | None]]:
    """Role and task, in the order in which the explorer lists roles."""
    found = dict.fromkeys((row["name"], row["task"]) for row in rows)
    return sorted(found, key=lambda of: role_colours.place(of[0]))
