"""Figures of one model over training: the top heads of a role, stages of the IOI algorithm, and how far the circuits of
neighbouring checkpoints agree, beside what two circuits would share if only their prompts differed.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

from circuit_tui.explorer import role_display
from circuit_tui.explorer.screens.page import words
from circuit_tui.explorer.state import Selection
from circuit_tui.explorer.study.drawing import Drawing, Ink, hollow, interval, not_counted, reach
from circuit_tui.explorer.study.found import Found
from circuit_tui.explorer.study.training import Training, Values
from circuit_tui.explorer.widgets.curve import Curve, Point
from circuit_tui.explorer.widgets.notation import head_name, plain, signed

Row = dict[str, Any]
_KINDS = ("edge", "node", "weighted")
_STALE = "newer results are in the store than these rest on"


def heads(found: Found, at: Selection, time: Training, ink: Ink) -> Drawing:
    """The current head over the others."""
    top = found.heads
    which = "longest in the circuits" if top.step is None else f"strongest at step {top.step}"
    differs = role_display.differs(top.of, at.task)
    name = words(at.role or "a role")
    title = (f"Top heads of {name}", plain(at.model), which if top.heads else "", *differs, time.over)
    curves = []
    for index, (head, rows) in enumerate(top.heads.items()):
        colour, faint, marker = ink.series(index)
        band = faint if head == at.head or len(top.heads) == 1 else ""
        curves.append(Curve(head_name(head), colour, marker, time.parts(rows, _score), band))
    if not any(curve.points for curve in curves):
        return Drawing(title, f"The strongest heads of {name} in {plain(at.model)}: none has a score that is not zero.")
    points = [point for curve in curves for point in curve.points]
    scale = role_display.scale(at.role or "", [point.y for point in points])
    some = any(point.low is not None for point in points)
    return Drawing(
        title,
        curves=curves,
        values=reach(curves, *scale),
        words=lambda _, point: signed(point.y, 2) + interval(point, 2),
        notes=["intervals 95 %"] if some else [],
    )


def stages(found: Found, at: Selection, time: Training, ink: Ink) -> Drawing:
    rows = [row for row in found.training.stages if row["model"] == at.model]
    title = ("IOI stages", plain(at.model), "percent of the paths' effect", time.over)
    names = list(dict.fromkeys(row["stage"] for row in rows if row["stage"]))
    curves = []
    for index, stage in enumerate(names):
        colour, faint, marker = ink.series(index)
        parts = time.parts([row for row in rows if row["stage"] == stage], _percent)
        curves.append(Curve(words(stage), colour, marker, parts, faint))
    if not any(curve.points for curve in curves):
        reason = next((plain(row["reason"]) for row in rows if row["reason"]), None)
        said = f"is undefined: {reason}" if reason else "is not computed: run algorithm (ctrl+r) computes it"
        return Drawing(title, f"What the heads of each stage account for on {plain(at.task)} {said}.")
    return Drawing(
        title,
        curves=curves,
        values=reach(curves, 0.0, 100.0),
        words=_stage,
        notes=["intervals 95 % over prompts"],
        of_step=partial(_undefined, rows, time),
    )


def _undefined(rows: Sequence[Row], time: Training, place: float) -> list[str]:
    """Why a stage has no value at a checkpoint."""
    lacking = [row for row in rows if row["percent"] is None and time.axis.at(row[time.unit]) == place]
    reasons: dict[str, list[str]] = {}
    for row in lacking:
        reasons.setdefault(plain(row["reason"]), []).append(words(row["stage"] or "stages"))
    return [f"{', '.join(stages)} undefined: {reason}" for reason, stages in reasons.items()]


def similarity(found: Found, at: Selection, time: Training, ink: Ink) -> Drawing:
    """Each pair at its earlier checkpoint."""
    rows = [row for row in found.training.similarity if row["model"] == at.model]
    title = ("Similarity of neighbours", plain(at.model), plain(at.task), "Jaccard 0..1", time.over)
    curves = []
    for index, kind in enumerate(_KINDS):
        colour, _, marker = ink.series(index)
        parts = time.parts(rows, partial(_agreement, kind), "_a")
        floor = time.parts(rows, partial(_floor, kind), "_a")
        curves.append(Curve(f"floor of {kind}", colour, "", floor, dotted=True))
        curves.append(Curve(kind, colour, marker, parts, hollow=hollow(marker, len(_KINDS))))
    if not any(curve.points for curve in curves):
        reason = next((plain(row["reason"]) for row in rows if row["reason"]), None)
        said = f"is undefined: {reason}" if reason else "is computed at the end of a run of circuit (ctrl+r)"
        return Drawing(title, f"How far circuits of neighbouring checkpoints agree {said}.")
    return Drawing(
        title,
        curves=curves,
        words=_compared,
        notes=["dotted: end of the noise floor", *not_counted(curves, "not both the task's circuit"), *_stale(rows)],
        of_step=partial(_pair, rows, time),
    )


def _compared(curve: Curve, point: Point) -> str:
    """`0.41 to step 6000, noise floor 0.58..1: a change`."""
    low, value = point.row[f"{curve.name}_floor_low"], f"{signed(point.y, 2)} to step {point.row['step_b']}"
    if low is None:
        return f"{value}, no noise floor: no circuits of resampled prompts"
    return f"{value}, noise floor {signed(low, 2)}..1: {'a change' if point.y < low else 'within noise'}"


def _pair(rows: Sequence[Row], time: Training, place: float) -> list[str]:
    """Whether circuits are compared at a checkpoint."""
    begins = any(row["step_a"] is not None and _place(row, time) == place for row in rows)
    return [] if begins else ["no pair of circuits begins at this checkpoint"]


def _place(row: Row, time: Training) -> float:
    return time.axis.at(row[f"{time.unit}_a"])


def _stale(rows: Sequence[Row]) -> list[str]:
    return [_STALE] if any(row["stale"] for row in rows) else []


def _score(row: Row) -> Values:
    return row["value"], row["low"], row["high"]


def _percent(row: Row) -> Values:
    return row["percent"], row["low"], row["high"]


def _stage(_: Curve, point: Point) -> str:
    random = point.row["percent_random"]
    beside = f", random heads {signed(random, 0)} %" if random is not None else ""
    return f"{signed(point.y, 1)} %{interval(point, 1)}{beside}"


def _agreement(kind: str, row: Row) -> Values:
    return row[f"{kind}_jaccard"], None, None


def _floor(kind: str, row: Row) -> Values:
    return row[f"{kind}_floor_low"], None, None
