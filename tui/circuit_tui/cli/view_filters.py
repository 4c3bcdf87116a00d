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

_RUN = Option(None, "", name="run", flag="--run", kind=int, narrows="results of this run")
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


def among_circuits(command: Any, two: bool = False) -> Any:
    """A command that says which of several circuits it is about. Of `two`, every flag takes a value for either."""
    return _with([_narrowing(of, two) for of in (_RUN, *_OF_A_CIRCUIT)], command)


class Pair(click.ParamType):
    """One value for both of two circuits, or two, separated by a comma."""

    name = "x"

    def __init__(self, of: type | click.ParamType) -> None:
        self.of = click.types.convert_type(of)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[Any, Any]:
        parts = [self.of.convert(part.strip(), param, ctx) for part in str(value).split(",")]
        if len(parts) > 2:
            self.fail(f"{value} has more than two values: give one for both, or one for A and one for B.", param, ctx)
        return parts[0], parts[-1]


def _narrowing(of: Option, two: bool = False) -> Any:
    """The flag that shows only results of one value of an option. Any is taken: what was computed is told later."""
    kind = {int: NUMBER, float: float}.get(of.kind, str)
    metavar = "X[,X]" if two else "X" if kind is float else None
    return click.option(of.flag, of.name, type=Pair(kind) if two else kind, metavar=metavar, help=f"Only {of.narrows}.")


def _with(flags: list[Any], command: Any) -> Any:
    for decorate in reversed(flags):
        command = decorate(command)
    return command


def narrowed(
    db: sqlite3.Connection, which: "View", address: str | None, narrow: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Filters and choices of an address and options. Raises: UnknownName."""
    from circuit_store import queries

    model, _, step = (address or "").partition("@")
    if address and not model:
        raise UnknownName(f"{address} names no model: give MODEL or MODEL@STEP.")
    options = {name: narrow.get(name) for name in (*addresses.FILTERS, *addresses.CHOICES)}
    if options["text"] is not None:
        options["text"] = _text(db, options["text"])
    return queries.narrowed(db, which, {"model": model or None, "step": step or None, **options})


def _text(db: sqlite3.Connection, given: str) -> str:
    """The hash of a text that is given by its file, or by how the hash begins. Raises: CircuitError, UnknownName."""
    from circuit_core import untrusted_files
    from circuit_sweep.planning import texts

    path = untrusted_files.place(given)
    return addresses.text_named(db, texts.read(path).hash if untrusted_files.there(path) else given)
