"""Addresses in a store: models, steps, and which of several results is shown. A wrong name is told what there is."""

import sqlite3
from typing import Any

from circuit_store.errors import UnknownName

FILTERS = ("task", "role", "layer", "head")
"""Columns by which a command narrows a view."""
_WHERE_GIVEN = ("preset", "text", "threshold_on", "areas", "resamples")
_OF_A_CIRCUIT = ("method", "ig_rule", "ig_steps", "selector", "search", "threshold")
CHOICES = {
    "run": "result.run_id = ?",
    "dtype": "result.dtype = ?",
    **{
        name: f"(json_type(result.params, '$.{name}') IS NULL OR json_extract(result.params, '$.{name}') = ?)"
        for name in _WHERE_GIVEN
    },
    **{
        name: f"(analysis NOT IN ('circuit', 'greater_than') OR json_extract(result.params, '$.{name}') = ?)"
        for name in _OF_A_CIRCUIT
    },
}
"""Which of several results may be shown; without a choice the newest is. Results that lack a parameter stay."""


def check_model(db: sqlite3.Connection, model: str) -> None:
    """Raises: UnknownName, naming the models of the store."""
    names = [row[0] for row in db.execute("SELECT name FROM model ORDER BY name")]
    if model not in names:
        known = ", ".join(names) if names else "none yet"
        raise UnknownName(
            f"The store holds no model {model}: it holds {known}; `circuit-tui run {model}` computes one."
        )


def resolve_step(db: sqlite3.Connection, model: str, step: str | int) -> int:
    """The step that an address names; `final` is the last.

    Raises:
        UnknownName: no such model or step; says which there are.
    """
    check_model(db, model)
    found = db.execute(
        "SELECT step FROM checkpoint JOIN model ON model.id = model_id WHERE name = ? ORDER BY step", (model,)
    )
    steps = [row[0] for row in found]
    if step == "final" and steps:
        return steps[-1]
    if str(step).isdecimal() and int(step) in steps:
        return int(step)
    some = ", ".join(map(str, steps if len(steps) <= 20 else [*steps[:8], "...", *steps[-4:]]))
    raise UnknownName(f"{model} has no step {step}: choose one of {some}, or final.")


def most(db: sqlite3.Connection, column: str, model: str | None = None) -> int:
    """The number of layers, or of heads a layer, of a model or of the largest."""
    count = {"layer": "n_layers", "head": "n_heads"}[column]
    found = db.execute(f"SELECT max({count}) FROM model WHERE name = coalesce(?, name)", (model,)).fetchone()[0]
    return found or 0


def chosen(db: sqlite3.Connection, choice: str) -> list[Any]:
    """The values of a choice (see `CHOICES`) for which there are results; of runs, all."""
    if choice == "run":
        return [row[0] for row in db.execute("SELECT id FROM run ORDER BY id")]
    column = "dtype" if choice == "dtype" else f"json_extract(params, '$.{choice}')"
    found = db.execute(f"SELECT DISTINCT {column} AS value FROM result WHERE value IS NOT NULL ORDER BY value")
    return [row[0] for row in found]


def text_named(db: sqlite3.Connection, start: str) -> str:
    """The hash of the text that begins so, among those on which heads were scored. Raises: UnknownName."""
    held = chosen(db, "text")
    found = [digest for digest in held if digest.startswith(start)]
    if len(found) != 1:
        there = ", ".join(held) or "none yet"
        raise UnknownName(f"--text {start} names no one text of the store: it holds {there}; give a file, or a hash.")
    return found[0]
