"""Behaviour and circuit size over training: a curve a model, a size or a task."""

from collections.abc import Callable
from typing import Any

from circuit_tui.explorer.state import Selection
from circuit_tui.explorer.study.drawing import Drawing, Ink, hollow, interval, not_counted, reach
from circuit_tui.explorer.study.found import BY, Found
from circuit_tui.explorer.study.training import Training, Values
from circuit_tui.explorer.widgets.curve import Curve, Point
from circuit_tui.explorer.widgets.heads import MOST
from circuit_tui.explorer.widgets.notation import finite, plain, signed

Row = dict[str, Any]
_METRICS = {"logit_diff": "logit difference", "prob_diff": "probability difference"}
_RANGE = "ranges are over seeds"


def behaviour(found: Found, at: Selection, time: Training, ink: Ink) -> Drawing:
    by_task, by_size = found.by == "tasks", found.by == "sizes"
    rows = [row for of in found.behaviour.values() for row in of]
    metric = (
        "accuracy"
        if by_task
        else plain(next((_METRICS.get(r["metric"], r["metric"]) for r in rows if "metric" in r), ""))
    )
    what = "accuracy 0..1" if by_task else "mean metric" if by_size else metric
    title = ("Behaviour", *([] if by_task else [plain(at.task)]), what, BY[found.by], time.over)
    value: Callable[[Row], Values] = _accuracy if by_task else _mean if by_size else _value
    curves, legend, notes = _curves(found, found.behaviour, at, time, ink, value)
    if not any(curve.points for curve in curves):
        return Drawing(title, _lacking("How well models do", at, found, rows, "behaviour"))
    numbers = {row["n_examples"] for row in rows if row.get("n_examples")}
    counted = "..".join(f"{n:g}" for n in sorted({min(numbers), max(numbers)})) if numbers else ""
    kind = [] if by_task else [_RANGE] if by_size else [f"intervals 95 %, n = {counted} prompts"]
    return Drawing(
        title,
        curves=curves,
        values=(0.0, 1.0) if by_task else reach(curves, 0.0),
        words=lambda _, point: signed(point.y, 2) + interval(point, 2),
        legend=legend,
        notes=kind + notes,
    )


def size(found: Found, at: Selection, time: Training, ink: Ink) -> Drawing:
    by_task, by_size = found.by == "tasks", found.by == "sizes"
    rows = [row for of in found.size.values() for row in of]
    title = ("Circuit size", *([] if by_task else [plain(at.task)]), "edges", BY[found.by], time.over)
    curves, legend, notes = _curves(found, found.size, at, time, ink, _mean if by_size else _edges, not by_size)
    if not any(curve.points for curve in curves):
        return Drawing(title, _lacking("How large circuits are", at, found, rows, "circuit"))
    return Drawing(
        title,
        curves=curves,
        values=reach(curves, 0.0),
        words=_mean_size if by_size else _size,
        legend=legend,
        notes=([_RANGE] if by_size else []) + not_counted(curves, "not the task's circuit") + notes,
    )


def _curves(
    found: Found,
    series: dict[str, list[Row]],
    at: Selection,
    time: Training,
    ink: Ink,
    value: Callable[[Row], Values],
    counted: bool = False,
) -> tuple[list[Curve], list[str], list[str]]:
    """Curves with that which is looked at over the others, their names with it first, and what else is to be said."""
    order = found.models if found.by == "models" else list(series)
    here = at.task if found.by == "tasks" else at.model
    shown = kept(order, here)
    curves = []
    for name in (name for name in shown if name in series):
        colour, faint, marker = ink.series(shown.index(name))
        parts = time.parts(series[name], value)
        blank = hollow(marker, len(shown)) if counted else ""
        band = faint if name == here or found.by == "sizes" else ""
        curves.append(Curve(name, colour, marker, parts, band, hollow=blank))
    curves.sort(key=lambda curve: curve.name == here)
    legend = sorted((curve.name for curve in curves), key=lambda name: (name != here, shown.index(name)))
    left_out = len(order) - len(shown)
    return curves, legend, [f"and {left_out} more {found.by}"] if left_out else []


def kept(order: list[str], here: str | None) -> list[str]:
    """As many as can be told apart: the last of them, and the one that is looked at."""
    last = order[-MOST:]
    return last if here in last or here not in order else [here or "", *last[1:]]


def _lacking(what: str, at: Selection, found: Found, rows: list[Row], analysis: str) -> str:
    if found.by == "sizes":
        return f"{what}, by the size of models that are alike but for their seeds: there are none of a known size."
    reason = next((row["reason"] for row in rows if row.get("reason")), None)
    if reason:
        return f"{what} on {plain(at.task)} is undefined: {plain(reason)}."
    return f"{what} on {plain(at.task or 'a task')} over training: run {analysis} (ctrl+r) computes it."


def _value(row: Row) -> Values:
    return row["value"], row["low"], row["high"]


def _accuracy(row: Row) -> Values:
    return row["accuracy"], None, None


def _mean(row: Row) -> Values:
    return row["mean"], row["low"], row["high"]


def _edges(row: Row) -> Values:
    return finite(row["n_edges"]), None, None


def _size(_: Curve, point: Point) -> str:
    return f"{point.y:,.0f} edges, {point.row['n_nodes']:,} nodes"


def _mean_size(_: Curve, point: Point) -> str:
    return f"{signed(point.y, 0)} edges{interval(point, 0)}"
