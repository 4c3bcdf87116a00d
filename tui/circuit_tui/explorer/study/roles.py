"""The earliest head of each role in each model, and the stages of all models side by side."""

from collections.abc import Sequence
from typing import Any

from rich.text import Text

from circuit_tui.explorer import role_display
from circuit_tui.explorer.screens.page import cut, words
from circuit_tui.explorer.state import Selection
from circuit_tui.explorer.study.drawing import Ink
from circuit_tui.explorer.study.found import Found
from circuit_tui.explorer.study.series import kept
from circuit_tui.explorer.study.training import Training
from circuit_tui.explorer.widgets.earliest import Comes
from circuit_tui.explorer.widgets.notation import plain, short, signed

Row = dict[str, Any]
_NAME, _CELL = 14, 25


def earliest(found: Found, at: Selection, time: Training, ink: Ink) -> list[Comes]:
    """By role, and by the size of the model."""
    rows = {(r["name"], r["task"], r["model"], r["kind"]): r for r in found.training.emergence}
    of = list(dict.fromkeys((name, task) for name, task, _, kind in rows if kind == "role"))
    order = role_display.ordered(dict.fromkeys(name for name, _ in of))
    colours = {model: ink.series(i)[0] for i, model in enumerate(kept(found.models, at.model))}
    comes = []
    for name, task in sorted(of, key=lambda pair: order.index(pair[0])):
        several = sum(other == name for other, _ in of) > 1
        models = [model for model in found.models if (name, task, model, "role") in rows]
        for model in models:
            head = rows[name, task, model, "role"]
            circuits = [r for (n, t, m, kind), r in rows.items() if (n, m, kind) == (name, model, "figure_2_head")]
            inside = next((r for r in circuits if r["step"] is not None and (r["task"] == task or not several)), None)
            places = _place(head, time), _place(inside, time)
            colour = colours.get(model, ink.muted)
            comes.append(Comes(model, name, task if several else "", model == models[0], head, inside, *places, colour))
    return comes


def line_of(rows: Sequence[Comes], at: Selection) -> int:
    """Of the role and the model that are looked at."""
    of_role = [i for i, row in enumerate(rows) if row.role == at.role]
    return next((i for i in of_role if rows[i].model == at.model), next(iter(of_role), 0))


def _place(row: Row | None, time: Training) -> float | None:
    return time.place(row["model"], row["step"]) if row and row["step"] is not None else None


def stages(found: Found, at: Selection, time: Training, ink: Ink, place: float, width: int) -> Text:
    """Percent of each stage in each model at the tokens of the current checkpoint, or at the last before."""
    rows = [row for row in found.training.stages if row["stage"]]
    names = list(dict.fromkeys(row["stage"] for row in rows))
    models = [model for model in found.models if any(row["model"] == model for row in rows)]
    if len(models) < 2:
        return Text()
    cell = max(8, min(_CELL, (width - _NAME) // max(1, len(names))))
    lines = cut("all models", _NAME)
    lines.stylize(ink.muted)
    for name in names:
        lines.append_text(cut(words(name), cell - 1)).append(" ")
    for model in reversed(kept(models, at.model)):
        lines.append("\n").append_text(cut(plain(model), _NAME - 1)).append(" ")
        for name in names:
            of = [row for row in rows if (row["model"], row["stage"]) == (model, name)]
            lines.append_text(cut(_percent(of, time, place, cell - 1), cell - 1)).append(" ")
    return lines


def _percent(rows: list[Row], time: Training, place: float, room: int) -> str:
    """`82.6 % [79.8..84.0]`, the interval where there is room; with tokens if of another checkpoint."""
    before = [row for row in rows if time.place(row["model"], row["step"]) <= place]
    if not before:
        return "–"
    row = before[-1]
    late = "" if time.place(row["model"], row["step"]) == place else f" at {short(row[time.unit])}"
    if row["percent"] is None:
        return f"–{late}"
    known = f" [{signed(row['low'], 0)}..{signed(row['high'], 0)}]" if row["low"] is not None else ""
    percent = f"{signed(row['percent'], 0)} %"
    whole = f"{percent}{known}{late}"
    return whole if len(whole) <= room else f"{percent}{late}"
