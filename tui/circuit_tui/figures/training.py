"""The axis of training, which all figures share: tokens, logarithmic; and curves along it.

A model whose tokens nobody knows is drawn by steps, and then all of its figure is. Step 0 has a place before the first
decade. A curve has a gap where a value is undefined, and at a checkpoint that could not be read.
"""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import floor, isfinite, log10, nan
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from circuit_tui.figures.files import Source

Row = Mapping[str, Any]
_UNREAD = ("known_bad", "missing", "unreadable", "mismatch")
_TICKS = 6
"""At most so many on an axis, with 0."""


@dataclass(frozen=True)
class Training:
    """How the checkpoints of some models lie along one axis."""

    unit: str
    """`tokens` or `step`."""
    each: int | None
    """Tokens a step, if that is the same everywhere."""
    bad: dict[str, dict[int, float]] = field(default_factory=dict)
    """Model -> step -> place, of checkpoints that could not be read."""
    places: tuple[float, ...] = ()

    def at(self, row: Row, end: str = "") -> float:
        """Where a row lies; `end` is that of its columns, such as `_a`."""
        place = row[f"{self.unit}{end}"]
        return nan if place is None else float(place)

    def curve(self, rows: Iterable[Row], *columns: str, end: str = "") -> list[np.ndarray]:
        """Places and the values of columns of one model's rows, from the earliest on; NaN where there is none."""
        rows = [row for row in rows if row[f"step{end}"] is not None]
        known = {row[f"step{end}"]: (self.at(row, end), *(number(row[column]) for column in columns)) for row in rows}
        bad = self.bad.get(rows[0]["model"], {}) if rows else {}
        gaps = {step: (place, *[nan] * len(columns)) for step, place in bad.items()}
        table = [point for _, point in sorted((gaps | known).items())]
        return list(np.array(table, dtype=float).reshape(-1, 1 + len(columns)).T)

    def along(self, axes: Axes, label: bool = True) -> None:
        """Make an axis the one of training."""
        known = [place for place in self.places if place > 0]
        if known and min(self.places) == 0:
            axes.set_xscale("symlog", linthresh=min(known), linscale=0.25)
        elif known:
            axes.set_xscale("log")
        # As many of 1, 2, 5 of each decade, of 1 and 3, or of decades as have room; 0 if a checkpoint lies there.
        inside: list[float] = []
        decades = range(floor(log10(min(known))), floor(log10(max(known))) + 1) if known else ()
        for parts in ((1, 2, 5), (1, 3), (1,)):
            inside = [part * 10.0**d for d in decades for part in parts if min(known) <= part * 10.0**d <= max(known)]
            if len(inside) < _TICKS:
                break
        zero = [0.0] if 0 in self.places else []
        axes.xaxis.set_major_locator(FixedLocator(zero + inside[:: -(-len(inside) // (_TICKS - 1)) or 1]))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))
        if self.places:
            least, most = min(self.places), max(self.places)
            axes.set_xlim(least / 1.15 if least else -0.15 * min(known, default=1), most * 1.15 or 1)
        if label:
            axes.set_xlabel(self.label)

    @property
    def label(self) -> str:
        if self.unit == "step":
            return "training step"
        return f"training tokens ({self.each:,} a step)" if self.each else "training tokens"


def of(db: sqlite3.Connection, models: Sequence[str]) -> tuple[Training, tuple[Source, ...]]:
    """The axis of some models, and where it is from."""
    sources = (
        [Source("checkpoints", {"model": model}) for model in models] if len(models) == 1 else [Source("checkpoints")]
    )
    rows = [row for source in sources for row in source.rows(db) if row["model"] in models]
    unit = "step" if any(row["tokens"] is None for row in rows) else "tokens"
    ratios = {row["tokens"] / row["step"] for row in rows if unit == "tokens" and row["step"]}
    each = int(ratios.pop()) if len(ratios) == 1 and next(iter(ratios)) % 1 == 0 else None
    bad: dict[str, dict[int, float]] = {}
    for row in rows:
        if row["status"] in _UNREAD:
            bad.setdefault(row["model"], {})[row["step"]] = float(row[unit])
    return Training(unit, each, bad, tuple(float(row[unit]) for row in rows)), tuple(sources)


def number(value: Any) -> float:
    """NaN for what cannot be drawn."""
    return float(value) if isinstance(value, int | float) and isfinite(value) else nan


def short(value: float) -> str:
    """`512`, `1.5 M`, `300 B`."""
    for size, unit in ((1e12, " T"), (1e9, " B"), (1e6, " M"), (1e3, " k")):
        if abs(value) >= size:
            return f"{value / size:g}{unit}"
    return f"{value:g}"
