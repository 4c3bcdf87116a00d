"""How well models of all sizes do each task, over training: a panel a task, a line a model, 95 % intervals."""

import sqlite3
from collections.abc import Iterator

from circuit_store.display_text import plain
from circuit_tui.figures import models, style, training
from circuit_tui.figures.files import Drawn, Source, named
from circuit_tui.metric_names import metric_name

ABOUT = "behaviour over training"
NEEDS = "run MODEL --analyses behaviour"


def drawn(db: sqlite3.Connection) -> Iterator[Drawn]:
    source = Source("behaviour")
    tasks = models.by(source.rows(db), "task")
    if not tasks:
        return
    look = models.looks(models.ordered(db, (row["model"] for rows in tasks.values() for row in rows)))
    time, checkpoints = training.of(db, list(look))
    figure, panels = style.panels(len(tasks))
    for place, (axes, (task, rows)) in enumerate(zip(panels, tasks.items(), strict=True)):
        axes.axhline(0, color=style.MUTED, linewidth=0.6)
        by_model = models.by(rows, "model")
        for model in filter(by_model.get, look):
            x, value, low, high = time.curve(by_model[model], "value", "low", "high")
            axes.plot(x, value, label=plain(model), **look[model], **style.sparse(x))
            style.band(axes, x, low, high, look[model]["color"])
        axes.set_title(plain(task))
        axes.set_ylabel(plain(metric_name(rows[0]["metric"])))
        time.along(axes, style.lowest(place, len(panels)))
    style.legend(figure, models.legend(look))
    yield Drawn(named("behaviour"), "Behaviour over training", figure, (source, *checkpoints))
