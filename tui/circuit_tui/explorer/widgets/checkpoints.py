"""The checkpoints of a model: step, tokens, how loading went, and how well the task is done there."""

from collections.abc import Callable
from functools import partial
from sqlite3 import Connection
from typing import Any

from rich.text import Text

from circuit_store import queries
from circuit_store.queue.states import OPEN_UNITS, UnitState
from circuit_tui.explorer import bindings
from circuit_tui.explorer.state import Selection, ViewState
from circuit_tui.explorer.widgets.list_pane import Listing, Row
from circuit_tui.explorer.widgets.notation import STATUS_MARKS, bar, digits_for, finite, plain, short, signed

_UNITS: dict[str, str] = {
    UnitState.QUEUED: "…",
    UnitState.LOADING: "»",
    UnitState.RUNNING: "»",
    UnitState.FAILED: "✗",
    UnitState.CANCELLED: "–",
    UnitState.INTERRUPTED: "–",
}


class Checkpoints(Listing):
    NAME = "checkpoints"
    ABOUT = "Checkpoints of the model in the order of training, with the task's metric at each."
    SORTS = ("step", "value")
    BINDINGS = bindings.of("checkpoints")
    largest = 0.0

    @property
    def analysis(self) -> str:
        return "behaviour"

    def needs(self, at: Selection) -> tuple[Any, ...]:
        return at.model, at.task

    def stamp(self, look: ViewState) -> Any:
        """Units change with every write."""
        return look.version

    def read(self, look: ViewState) -> Callable[[Connection], Any]:
        return partial(_rows, model=look.at.model, task=look.at.task)

    def hold(self, found: list[Row]) -> None:
        self.all = found
        self.largest = max((abs(row["value"]) for row in self.all if row["value"] is not None), default=0.0)

    def line(self, row: Row, width: int) -> Text:
        grey = self.colours.muted
        line = Text(f"{row['step']:>7}", grey if row["mark"] != " " else "", no_wrap=True)
        line.append(f" {short(row['tokens']):>5} ", grey)
        line.append(f"{row['mark']} ", grey)
        line.append(f"{signed(row['value'], digits_for(self.largest)):>6} ")
        value = row["value"] or 0.0
        room = max(0, width - line.cell_len)
        colour = self.colours.helps if value > 0 else self.colours.hurts
        line.append(bar(abs(value) / self.largest if self.largest else 0, room), colour)
        return line

    def words(self, row: Row) -> str:
        return f"{row['step']} {row['status'] or ''} {row['state'] or ''} {row['detail'] or ''}"

    def chosen(self, row: Row) -> bool:
        return row["step"] == self.at.step

    def choose(self, row: Row) -> None:
        self.wish(step=row["step"])

    def note(self, row: Row | None) -> str:
        if row is None:
            return ""
        status = "" if row["status"] in (None, "ok") else row["status"].replace("_", " ")
        why = row["error"] or row["detail"] or row["reason"] or ""
        if status or why:
            return plain(": ".join(part for part in (status, why) if part))
        if row["state"] in OPEN_UNITS:
            return "waits its turn in a sweep" if row["state"] == UnitState.QUEUED else "is being computed"
        return f"{plain(self.at.task)}: {row['metric']}" if row["metric"] else "not computed"

    def _state(self) -> list[str]:
        return super()._state() + ([plain(self.at.task)] if self.at.task else [])

    def filters(self) -> dict[str, Any] | None:
        return {"model": self.at.model} if self.at.model else None

    def row(self) -> dict[str, Any] | None:
        return {"step": self.at.step} if self.at.step is not None else None

    def value(self) -> str:
        return f"{self.at.model}@{self.at.step}" if self.at.step is not None else ""


@queries.one_state
def _rows(db: Connection, model: str | None, task: str | None) -> list[Row]:
    if model is None:
        return []
    known = queries.rows(db, queries.view("checkpoints"), {"model": model})
    metric = queries.behaviour(db, model, task) if task else []
    values = {row["step"]: row for row in metric}
    units = {row["step"]: row for row in queries.rows(db, queries.view("units"), {"model": model})}
    return [_joined(row, values.get(row["step"], {}), units.get(row["step"], {})) for row in known]


def _joined(known: Row, metric: Row, unit: Row) -> Row:
    of_unit = _UNITS.get(unit.get("state") or "", " ")
    return {
        **known,
        **{key: metric.get(key) for key in ("metric", "reason")},
        "value": finite(metric.get("value")),
        **{key: unit.get(key) for key in ("state", "error")},
        "mark": STATUS_MARKS.get(known["status"] or "", of_unit),
    }
