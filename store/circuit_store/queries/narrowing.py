"""Which rows of a view are asked for, by names: filters on its columns, choices among several results.

A name that the store does not hold is told which it holds, so that a mistyped name does not show an empty table.
"""

import sqlite3
from collections.abc import Mapping
from typing import Any

from circuit_store import addresses
from circuit_store.errors import UnknownName
from circuit_store.queries.models import roles, tasks
from circuit_store.queries.views import takes
from circuit_store.views import View


def narrowed(db: sqlite3.Connection, which: View, given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Filters and choices of what is given: columns by which the view is addressed, and names of `addresses.CHOICES`.

    None is as if not given; a step may be `final`, if its model is given.

    Raises:
        UnknownName: a name or a value that the view or the store does not know.
    """
    asked = {name: value for name, value in given.items() if value is not None}
    choices = {name: value for name, value in asked.items() if name in addresses.CHOICES}
    filters = {name: value for name, value in asked.items() if name not in choices}
    model = filters.get("model")
    if model is not None:
        addresses.check_model(db, model)
    for column, value in filters.items():
        takes(which, column)
        if column == "step" and model is not None:
            filters["step"] = addresses.resolve_step(db, model, value)
        elif column in addresses.FILTERS:
            _held(db, column, value, model)
    for choice, value in choices.items():
        _one_of(choice.replace("_", "-"), value, addresses.chosen(db, choice))
    return filters, choices


def _held(db: sqlite3.Connection, column: str, value: Any, model: str | None) -> None:
    """Raises: UnknownName, if the store has no such task, role, layer or head at all."""
    if column in ("task", "role"):
        held = tasks(db, model, of_any_kind=True) if column == "task" else roles(db, model)
        _one_of(column, value, held, f" of {model}" if model else "")
    elif value not in range(addresses.most(db, column, model)):
        raise UnknownName(
            f"There is no {column} {value}: there are {addresses.most(db, column, model)}, counted from 0."
        )


def _one_of(kind: str, value: Any, held: list[Any], of: str = "") -> None:
    """Raises: UnknownName."""
    if value not in held:
        there = ", ".join(map(str, held)) or "none yet"
        raise UnknownName(f"The store holds no {kind} {value}{of}: it holds {there}.")
