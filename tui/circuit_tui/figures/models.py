"""Models in the order of figures: from the smallest to the largest, and what is said of each in a legend."""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from circuit_store import queries
from circuit_tui.figures import style

Look = dict[str, dict[str, Any]]


def ordered(db: sqlite3.Connection, wanted: Iterable[str]) -> list[str]:
    """Those that are wanted, by parameters; those of unknown size last."""
    return queries.by_size(db, wanted)


def looks(models: Sequence[str]) -> Look:
    """Model -> how its line looks."""
    return dict(zip(models, style.sizes(len(models)), strict=True))


def legend(look: Look) -> list[Any]:
    return [style.key(model, **how) for model, how in look.items()]


def by(rows: Iterable[dict[str, Any]], *columns: str) -> dict[Any, list[dict[str, Any]]]:
    """Rows by the values of columns (of one: by its value), in their order."""
    found: dict[Any, list[dict[str, Any]]] = {}
    for row in rows:
        values = tuple(row[column] for column in columns)
        found.setdefault(values if len(columns) > 1 else values[0], []).append(row)
    return found
