"""The axis of training, the same under every plot and in the line of checkpoints: tokens, or steps if unknown.

Logarithmic unless asked otherwise. Step 0 has no logarithm: it lies a little left of the first, under its own tick.
"""

import math
from collections.abc import Iterable

from circuit_tui.explorer.widgets.notation import short

_GAP = 0.08
"""Between 0 and the first checkpoint after it, as a share of the axis."""
_ROOM = 0.15
"""Between two checkpoints that are labelled, as a share of what is shown."""


class Axis:
    """Places the checkpoints `(step, tokens)` between 0 and 1."""

    def __init__(self, checkpoints: Iterable[tuple[int, int | None]], log: bool = True):
        points = list(checkpoints)
        known = all(tokens is not None for _, tokens in points)
        self.unit = "tokens" if known else "steps"
        self._values = {step: float(tokens if known and tokens is not None else step) for step, tokens in points}
        positive = [value for value in self._values.values() if value > 0]
        self._log = log and bool(positive)
        self._zero = len(positive) < len(self._values)
        self._low = min(positive, default=1.0) if self._log else 0.0
        self._high = max(positive, default=1.0)

    def at(self, step: int) -> float:
        return self._share(self._values.get(step, 0.0))

    def ticks(self, start: float = 0.0, end: float = 1.0) -> list[tuple[float, str]]:
        """Places and labels of a part, from left to right: round values or, where less than two are, checkpoints."""
        alone = list(self._values.values()) if len(self._values) == 1 else None
        found = self._between(start, end, alone or ([0.0] if self._zero else []) + self._round())
        return found if alone or len(found) > 1 else self._apart(start, end)

    def _between(self, start: float, end: float, values: Iterable[float]) -> list[tuple[float, str]]:
        places = ((self._share(value), short(value)) for value in values)
        return [(place, label) for place, label in places if start <= place <= end]

    def _apart(self, start: float, end: float) -> list[tuple[float, str]]:
        """Checkpoints whose labels do not run into each other."""
        found: list[tuple[float, str]] = []
        for place, label in self._between(start, end, sorted(set(self._values.values()))):
            if not found or place - found[-1][0] >= _ROOM * (end - start):
                found.append((place, label))
        return found

    def _share(self, value: float) -> float:
        if not self._log:
            return value / self._high
        if value <= 0:
            return 0.0
        start = _GAP if self._zero else 0.0
        span = math.log10(self._high / self._low)
        return start + (1 - start) * (math.log10(value / self._low) / span if span else 1.0)

    def _round(self) -> list[float]:
        if not self._log:
            unit = 10 ** math.floor(math.log10(self._high))
            step = next(unit * part for part in (0.2, 0.5, 1, 2) if self._high / (unit * part) <= 5)
            return [step * i for i in range(1, int(self._high / step) + 1)]
        powers = range(math.ceil(math.log10(self._low)), math.floor(math.log10(self._high)) + 1)
        return [10.0**power for power in powers] if len(powers) > 1 else sorted({self._low, self._high})


def spread(labels: Iterable[tuple[int, str]], width: int) -> str:
    """Labels centred on their columns, as far as they have room beside each other."""
    line, free = [" "] * width, 0
    for column, label in labels:
        start = max(0, min(column - (len(label) - 1) // 2, width - len(label)))
        if start >= free and 0 <= column < width:
            line[start : start + len(label)] = label
            free = start + len(label) + 1
    return "".join(line)
