"""The options of `run` (see `options`) as flags of the command line, which the explorer's dialog reads as well."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from circuit_sweep.planning.options import Option
from circuit_tui.runs import options

Command = Callable[..., Any]


def flag(of: Option) -> Callable[[Command], Command]:
    """An option of a command. Its default is there to be read in help: see `given`."""
    usual = of.default if of.kind in (int, float, bool) else of.usual or None
    kind: click.ParamType | type = of.kind
    if of.choices:
        kind = click.Choice(of.choices)
    elif of.kind is Path:
        kind = click.Path(path_type=Path)
    elif of.least is not None or of.most is not None:
        kind = click.IntRange(of.least, of.most)
    return click.option(
        of.flag,
        of.name,
        default=usual,
        type=kind,
        help=of.help,
        metavar=None if of.choices else of.value or None,
        show_default=bool(of.usual),
        is_flag=of.kind is bool,
    )


def flags(command: Command, some: Iterable[Option]) -> Command:
    """A command with options, in this order."""
    for of in reversed(list(some)):
        command = flag(of)(command)
    return command


def of_a_sweep(command: Command) -> Command:
    """A command that takes models and what is to be computed of them."""
    named = click.argument("models", nargs=-1, required=True, metavar="MODEL...")
    return named(flags(command, options.OPTIONS))


@click.command("run")
@of_a_sweep
def words(**given: Any) -> None:
    """Reads words as `run` does, and does nothing."""


def given(ctx: click.Context) -> dict[str, Any]:
    """What the words of a command gave, without what is as usual: a preset may set that."""
    default = (ParameterSource.DEFAULT, ParameterSource.DEFAULT_MAP)
    return {name: value for name, value in ctx.params.items() if ctx.get_parameter_source(name) not in default}
