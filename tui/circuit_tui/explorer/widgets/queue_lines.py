"""How a run and a unit are written, each in one line; columns that matter less fall away where there is no room."""

from typing import Any

from rich.text import Text

from circuit_store.display_text import lasting
from circuit_store.queue.states import UNITS_UNDER_WAY, RunState, UnitState
from circuit_tui.explorer import theme
from circuit_tui.explorer.gpus import Gpu
from circuit_tui.explorer.widgets.notation import bar, plain

_GLYPHS: dict[str, str] = {
    UnitState.QUEUED: "…",
    UnitState.LOADING: "»",
    UnitState.RUNNING: "»",
    UnitState.DONE: "✓",
    UnitState.FAILED: "✗",
    UnitState.CANCELLED: "–",
    RunState.CANCELLING: "–",
    UnitState.INTERRUPTED: "–",
}
_WIDE = 95
"""Columns from which there is room for all."""
_REST = 59
"""Columns of a unit's line besides what it is doing."""
Row = dict[str, Any]


def runs_header(width: int) -> str:
    rate = f"{'a minute':>9}" if width >= _WIDE else ""
    return (
        f"{'run':>4} {'state':<14}{_fit('what', _room(width) + _meter(width))} {'done':>9}{rate}{'left, or took':>15}"
    )


def run_line(row: Row, width: int, colours: theme.Palette) -> Text:
    settled = row["done"] + row["failed"]
    line = Text(f"{row['run']:>4} ", no_wrap=True).append_text(_state(row["state"], colours))
    line.append(f"{_fit(what(row), _room(width) - 1)} ")
    share = (settled + row["fraction"]) / row["units"] if row["units"] else 0
    line.append(bar(share, _meter(width) - 1).replace(" ", "░") + " ", colours.accent)
    line.append(f" {settled:>4}/{row['units']:<4}")
    if width >= _WIDE:
        line.append(f"{_rate(row['per_minute']):>9}", colours.muted)
    return line.append(f"{_span(row):>15}", colours.muted)


def what(row: Row) -> str:
    """Models, and what is asked of them."""
    asked = row["request"]
    if asked.get("patch"):
        parts = ["patch", str(asked["patch"].get("to"))]
    else:
        parts = [",".join(asked.get("tasks", ())), ",".join(asked.get("analyses", ()))]
    failed = f"{row['failed']} failed · " if row["failed"] else ""
    return failed + " · ".join(plain(part) for part in (", ".join(row["models"]), *parts) if part)


def units_header(width: int) -> str:
    doing = _fit("doing, or why it failed", width - _REST - 1) + " "
    return f"{'checkpoint':<22} {'state':<14}{doing}{'tries':>5}{'time':>8}  device"


def unit_line(row: Row, width: int, colours: theme.Palette) -> Text:
    line = Text(f"{_fit(plain(row['model']), 21 - len(str(row['step'])), False)}@{row['step']}", no_wrap=True)
    line.truncate(22, overflow="ellipsis", pad=True)
    line.append(" ").append_text(_state(row["state"], colours))
    room = width - _REST
    if row["doing"] and row["state"] in UNITS_UNDER_WAY:
        line.append(bar(row["fraction"], 8).replace(" ", "░"), colours.accent)
        line.append(_fit(f" {plain(row['doing'])}", room - 9) + " ")
    else:
        line.append(_fit(plain(row["error"] or ""), room - 1) + " ", colours.hurts)
    seconds = "" if row["seconds"] is None else _took(row["seconds"])
    line.append(f"{row['attempts'] or '':>5}{seconds:>8}", colours.muted)
    return line.append(f"  {_fit(plain(row['device'] or ''), 7)}", colours.muted)


def gpu_line(gpu: Gpu, index: int) -> str:
    """`GPU 0 NVIDIA H100   61 %   12.3 of 80.0 GB`."""
    busy = "–" if gpu.utilisation is None else str(gpu.utilisation)
    return f"GPU {index} {plain(gpu.name)}   {busy:>3} %   {gpu.used / 1e9:5.1f} of {gpu.total / 1e9:.1f} GB"


def _state(state: str, colours: theme.Palette) -> Text:
    striking = {**dict.fromkeys(map(str, UNITS_UNDER_WAY), colours.accent), str(UnitState.FAILED): colours.hurts}
    colour = striking.get(state, colours.muted)
    return Text(f"{_GLYPHS.get(state, '?')} {state:<12}", colour)


def _rate(per_minute: float | None) -> str:
    return "" if per_minute is None else f"{per_minute:.{0 if per_minute >= 10 else 1}f}"


def _span(row: Row) -> str:
    """What is left of a run that is worked at; what units took together of another."""
    if row["seconds_left"] is not None:
        return f"{lasting(row['seconds_left'])} left"
    return "" if row["at_work"] or row["seconds"] is None else lasting(row["seconds"])


def _took(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 60 else lasting(seconds)


def _meter(width: int) -> int:
    return 11 if width >= _WIDE else 7


def _room(width: int) -> int:
    """Columns for what a run is about."""
    return max(8, width - 19 - _meter(width) - 10 - 15 - (9 if width >= _WIDE else 0))


def _fit(text: str, width: int, pad: bool = True) -> str:
    """Cut or filled to a width."""
    fitted = Text(text)
    fitted.truncate(max(1, width), overflow="ellipsis", pad=pad)
    return fitted.plain
