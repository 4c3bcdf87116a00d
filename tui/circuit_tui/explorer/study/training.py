"""Where rows lie on the one axis of training of all models, and curves along it.

The axis is of tokens; of steps, if nobody knows a model's tokens. A curve has a gap where a value is undefined and at a
checkpoint that could not be read; one with the weights of another is left out of it.
"""

from collections.abc import Callable, Iterable
from typing import Any

from circuit_tui.explorer.widgets.axis import Axis
from circuit_tui.explorer.widgets.curve import Curve, Point
from circuit_tui.explorer.widgets.notation import STATUS_MARKS, finite, status_words

Row = dict[str, Any]
Values = tuple[float | None, float | None, float | None]
"""A value and its interval."""


class Training:
    def __init__(self, checkpoints: Iterable[Row], log: bool):
        rows = list(checkpoints)
        self.unit = "tokens" if all(row["tokens"] is not None for row in rows) else "step"
        places = sorted({row[self.unit] for row in rows})
        self.axis = Axis(((place, place if self.unit == "tokens" else None) for place in places), log)
        self._statuses: dict[str, dict[int, str]] = {}
        self._of_steps: dict[str, dict[int, int]] = {}
        for row in rows:
            self._of_steps.setdefault(row["model"], {})[row["step"]] = row[self.unit]
            if row["status"] in STATUS_MARKS:
                self._statuses.setdefault(row["model"], {})[row["step"]] = row["status"]

    @property
    def over(self) -> str:
        """The axis, as titles say it."""
        return f"over {self.unit.removesuffix('s')}s"

    def place(self, model: str | None, step: int | None) -> float:
        """Of a checkpoint."""
        return self.axis.at(self._of_steps.get(model or "", {}).get(step or 0, 0))

    def skipped(self, model: str | None, foot: float, colour: str) -> list[Curve]:
        """A model's checkpoints that trends skip, at the foot of a figure: marks without lines, by status."""
        found: dict[str, list[list[Point]]] = {}
        for step, status in self._statuses.get(model or "", {}).items():
            found.setdefault(status, []).append([Point(self.place(model, step), foot)])
        return [Curve(status_words(of), colour, STATUS_MARKS[of], parts) for of, parts in found.items()]

    def parts(self, rows: Iterable[Row], value: Callable[[Row], Values], end: str = "") -> list[list[Point]]:
        """Lines through the values of one model's rows; `end` is that of the columns of a row's checkpoint."""
        known = {row[f"step{end}"]: row for row in rows if row[f"step{end}"] is not None}
        model = next((row.get("model") for row in known.values()), None)
        skipped = self._statuses.get(model or "", {})
        parts: list[list[Point]] = [[]]
        for step in sorted(known.keys() | skipped.keys()):
            if skipped.get(step) == "duplicate_of":
                continue
            number, low, high = value(known[step]) if step in known and step not in skipped else (None, None, None)
            if finite(number) is None:
                parts.append([])
            else:
                assert number is not None
                at = known[step][f"{self.unit}{end}"]
                parts[-1].append(Point(self.axis.at(at), number, finite(low), finite(high), at, known[step]))
        return [part for part in parts if part]
