"""Which rows of a view a command is about, and which of several results are shown: the flags, and what they mean."""

import sqlite3
from typing import TYPE_CHECKING, Any

import click

from circuit_store import addresses
from circuit_store.errors import UnknownName
from circuit_sweep.planning.options import Option
from circuit_sweep.planning.request import Request
from circuit_tui.cli.main import NUMBER
from circuit_tui.runs import options

if TYPE_CHECKING:
    from circuit_store.views import View

_NARROWING = [of for of in options.OPTIONS if of.narrows]
_OF_A_CIRCUIT = [of for of in _NARROWING if of.name in (*Request().of_circuits, "dtype")]
_OF_HEAD_ROLES = [of for of in _NARROWING if of not in _OF_A_CIRCUIT]


def addressed(command: Any) -> Any:
    """A command that names a view and its rows."""
    arguments = [
        click.argument("view", metavar="VIEW"),
        click.argument("address", required=False, metavar="[MODEL[@STEP]]"),
        click.option("--task", help="Only this task."),
        click.option("--role", help="Only this head role."),
        click.option("--layer", type=NUMBER, help="Only this layer."),
        click.option("--head", type=NUMBER, help="Only this head."),
    ]
    return _with([*arguments, *map(_narrowing, _OF_HEAD_ROLES)], among_circuits(command))


def among_circuits(command: Any) -> Any:
    """A command that says which of several circuits it is about."""
    run = click.option("--run", type=NUMBER, help="Only results of this run.")
    return _with([run, *map(_narrowing, _OF_A_CIRCUIT)], command)


def _narrowing(of: Option) -> Any:
    """The flag that shows only results of one value of an option. Any is taken: what was computed is told later."""
    kind = {int: NUMBER, float: float}.get(of.kind, str)
    metavar = "X" if kind is float else None
    return click.option(of.flag, of.name, type=kind, metavar=metavar, help=f"Only {of.narrows}.")


def _with(flags: list[Any], command: Any) -> Any:
    for decorate in reversed(flags):
        command = decorate(command)
    return command


def narrowed(
    db: sqlite3.Connection, which: "View", address: str | None, narrow: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Filters and choices of an address and options. Raises: UnknownName."""
    from circuit_store import queries

    filters: dict[str, Any] = {}
    if address:
        model, _, step = address.partition("@")
        if not model:
            raise UnknownName(f"{address} names no model: give MODEL or MODEL@STEP.")
        addresses.check_model(db, model)
        filters["model"] = model
        if step:
            queries.takes(which, "step")
            filters["step"] = addresses.resolve_step(db, model, step)
    for column in addresses.FILTERS:
        if narrow.get(column) is not None:
            queries.takes(which, column)
            _held(db, column, narrow[column], filters.get("model"))
            filters[column] = narrow[column]
    choices = {c: narrow[c] for c in addresses.CHOICES if narrow.get(c) is not None}
    if "text" in choices:
        choices["text"] = _text(db, choices["text"])
    for choice, value in choices.items():
        _one_of(choice.replace("_", "-"), value, addresses.chosen(db, choice))
    return filters, choices


def _text(db: sqlite3.Connection, given: str) -> str:
    """The hash of a text that is given by its file, or by how the hash begins. Raises: CircuitError, UnknownName."""
    from circuit_core import untrusted_files
    from circuit_sweep.planning import texts

    path = untrusted_files.place(given)
    return addresses.text_named(db, texts.read(path).hash if untrusted_files.there(path) else given)


def _held(db: sqlite3.Connection, column: str, value: Any, model: str | None) -> None:
    """Raises: UnknownName, if the store has no such task, role, layer or head at all."""
    from circuit_store import queries

    if column in ("task", "role"):
        held = queries.all_tasks(db, model) if column == "task" else queries.roles(db, model)
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
