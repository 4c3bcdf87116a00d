"""How a run and a unit are written, each in one line; columns that matter less fall away where there is no room."""

from dataclasses import dataclass
from typing import Any

from rich.text import Text

from circuit_store.display_text import lasting
from circuit_store.queue.states import UNITS_UNDER_WAY, RunState, UnitState
from circuit_tui.explorer import theme
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


@dataclass(frozen=True)
class QueueLines:
    """Lines of a width, in the theme's colours."""

    width: int
    colours: theme.Palette

    @property
    def _wide(self) -> bool:
        return self.width >= _WIDE

    @property
    def _meter(self) -> int:
        """Columns of a run's bar."""
        return 11 if self._wide else 7

    @property
    def _room(self) -> int:
        """Columns for what a run is about."""
        return max(8, self.width - 19 - self._meter - 10 - 15 - (9 if self._wide else 0))

    def runs_header(self) -> str:
        rate = f"{'a minute':>9}" if self._wide else ""
        about = _fit("what", self._room + self._meter)
        return f"{'run':>4} {'state':<14}{about} {'done':>9}{rate}{'left, or took':>15}"

    def run(self, row: Row) -> Text:
        settled = row["done"] + row["failed"]
        line = Text(f"{row['run']:>4} ", no_wrap=True).append_text(self._state(row["state"]))
        line.append(f"{_fit(what(row), self._room - 1)} ")
        share = (settled + row["fraction"]) / row["units"] if row["units"] else 0
        line.append(bar(share, self._meter - 1).replace(" ", "░") + " ", self.colours.accent)
        line.append(f" {settled:>4}/{row['units']:<4}")
        if self._wide:
            rate = row["per_minute"]
            shown = "" if rate is None else f"{rate:.{0 if rate >= 10 else 1}f}"
            line.append(f"{shown:>9}", self.colours.muted)
        return line.append(f"{_span(row):>15}", self.colours.muted)

    def units_header(self) -> str:
        doing = _fit("doing, or why it failed", self.width - _REST - 1) + " "
        return f"{'checkpoint':<22} {'state':<14}{doing}{'tries':>5}{'time':>8}  device"

    def unit(self, row: Row) -> Text:
        line = Text(f"{_fit(plain(row['model']), 21 - len(str(row['step'])), False)}@{row['step']}", no_wrap=True)
        line.truncate(22, overflow="ellipsis", pad=True)
        line.append(" ").append_text(self._state(row["state"]))
        room = self.width - _REST
        if row["doing"] and row["state"] in UNITS_UNDER_WAY:
            line.append(bar(row["fraction"], 8).replace(" ", "░"), self.colours.accent)
            line.append(_fit(f" {plain(row['doing'])}", room - 9) + " ")
        else:
            line.append(_fit(plain(row["error"] or ""), room - 1) + " ", self.colours.hurts)
        seconds = row["seconds"]
        took = "" if seconds is None else f"{seconds:.1f} s" if seconds < 60 else lasting(seconds)
        line.append(f"{row['attempts'] or '':>5}{took:>8}", self.colours.muted)
        return line.append(f"  {_fit(plain(row['device'] or ''), 7)}", self.colours.muted)

    def _state(self, state: str) -> Text:
        striking = dict.fromkeys(map(str, UNITS_UNDER_WAY), self.colours.accent)
        striking[str(UnitState.FAILED)] = self.colours.hurts
        return Text(f"{_GLYPHS.get(state, '?')} {state:<12}", striking.get(state, self.colours.muted))


def what(row: Row) -> str:
    """Models, and what is asked of them."""
    asked = row["request"]
    if asked.get("patch"):
        parts = ["patch", str(asked["patch"].get("to"))]
    else:
        parts = [",".join(asked.get("tasks", ())), ",".join(asked.get("analyses", ()))]
    failed = f"{row['failed']} failed · " if row["failed"] else ""
    return failed + " · ".join(plain(part) for part in (", ".join(row["models"]), *parts) if part)


def _span(row: Row) -> str:
    """What is left of a run that is worked at; what units took together of another."""
    if row["seconds_left"] is not None:
        return f"{lasting(row['seconds_left'])} left"
    return "" if row["at_work"] or row["seconds"] is None else lasting(row["seconds"])


def _fit(text: str, width: int, pad: bool = True) -> str:
    """Cut or filled to a width."""
    fitted = Text(text)
    fitted.truncate(max(1, width), overflow="ellipsis", pad=pad)
    return fitted.plain
