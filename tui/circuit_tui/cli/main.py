"""The command itself: where the store lies, what becomes of errors, and the explorer when no command is given."""

import os
import sqlite3
import sys
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, NoReturn

import click

from circuit_core.errors import CircuitError
from circuit_store import integrity, output_files
from circuit_store.errors import OutputUnwritten, StoreError, StoreFailed, StoreMoved, StoreUnusable
from circuit_store.store import open_to_read, remedy
from circuit_tui import command_output, paths
from circuit_tui.terminal import console

ASCII, NO_MOUSE = "circuit_tui.ascii", "circuit_tui.no_mouse"
"""What the options of the command itself are called in click's `meta`, where its subcommands find them."""
_COLORS = {
    "auto": {},
    "256": {"TEXTUAL_COLOR_SYSTEM": "256"},
    "16": {"TEXTUAL_COLOR_SYSTEM": "standard"},
    "never": {"NO_COLOR": "1"},
}
"""Of `--color`: what the screen library reads of the environment when it is imported."""
USAGE, FAILED, CANCELLED = 2, 1, 130


class Number(click.ParamType):
    """A number that may be in the store; help need not name the largest."""

    name = "n"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        return click.IntRange(0, 2**31).convert(value, param, ctx)


NUMBER = Number()


class Main(click.Group):
    """Turns every expected error into one sentence and an exit code."""

    def make_context(self, *args: Any, **options: Any) -> click.Context:
        try:
            return super().make_context(*args, **options)
        except click.UsageError as error:
            misused(error)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            misused(error)
        except UnicodeEncodeError as error:
            fail(f"{error.object} is not UTF-8 text, which a store needs: rename it, or name it by a link.")
        except (StoreFailed, StoreMoved, OutputUnwritten) as error:
            fail(str(error), FAILED)
        except (CircuitError, StoreError, ValueError, OverflowError) as error:
            fail(str(error))
        except sqlite3.Error as error:
            known = remedy(error) or "name another with --store FILE"
            fail(f"The store {ctx.obj} cannot be used ({error}): {known}.", FAILED)
        except (TypeError, AttributeError, LookupError, ArithmeticError):
            with suppress(StoreError, sqlite3.Error), closing(open_to_read(ctx.obj)) as db:
                if found := integrity.amiss(db):
                    fail(f"The store {ctx.obj} is damaged ({found}): `verify` names all that is broken.", FAILED)
            raise
        except BrokenPipeError:
            raise
        except OSError as error:
            fail(f"{error.filename or 'the output'} cannot be used ({error.strerror}).", FAILED)
        except KeyboardInterrupt:
            fail("interrupted.", CANCELLED)


def misused(error: click.UsageError) -> NoReturn:
    at = error.ctx.command_path if error.ctx else "circuit-tui"
    fail(f"{error.format_message()} (`{at} --help` lists what is possible.)")


def fail(sentence: str, code: int = USAGE) -> NoReturn:
    console.told(f"circuit-tui: {sentence}")
    raise SystemExit(code)


@click.group(cls=Main, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--store", type=click.Path(path_type=Path), help="The store; default: $CIRCUIT_TUI_STORE, else in your data folder."
)
@click.option("--ascii", is_flag=True, help="The explorer draws nothing but ASCII.")
@click.option("--color", type=click.Choice(list(_COLORS)), default="auto", help="Colours of the explorer.")
@click.option("--no-mouse", is_flag=True, help="The explorer leaves the mouse to the terminal, which selects text.")
@click.version_option(package_name="circuit-tui")
@click.pass_context
def main(ctx: click.Context, store: Path | None, ascii: bool, color: str, no_mouse: bool) -> None:
    """Find circuits and head roles of language models over training. Without a command, the explorer opens."""
    for handle in range(3):  # a file that is opened, such as the store, must not take the number of a closed stdout
        try:
            os.fstat(handle)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    path = store or paths.store()
    try:
        ctx.obj = path.expanduser()
    except RuntimeError:
        raise ValueError(f"{path}: there is no such user.") from None
    output_files.refuse_stdout(command_output.taken(ctx.obj))
    os.environ.update(_COLORS[color])
    ctx.meta.update({ASCII: ascii, NO_MOUSE: no_mouse})
    if ctx.invoked_subcommand is None:
        explore(ctx)


def check_place(store: Path) -> None:
    """Raises: StoreUnusable, if the store is not there and cannot be made."""
    above = next(p for p in store.absolute().parents if p.exists())
    if not store.exists() and not (above.is_dir() and os.access(above, os.W_OK)):
        raise StoreUnusable(f"The store {store} can be neither opened nor made: name another with --store FILE.")


def terminal() -> bool:
    """Whether a person looks on, at a terminal that can move its cursor."""
    able = os.environ.get("TERM", "dumb") not in ("dumb", "unknown", "")
    return able and console.terminal(sys.stdin) and console.terminal(sys.stdout)


def explore(ctx: click.Context, begin: Any = None) -> None:
    """Open the explorer, as the options of the command itself say."""
    if not terminal():
        fail("the explorer needs a terminal: use `circuit-tui show VIEW MODEL`, `export` or `--help` here.")
    from circuit_tui.explorer.app import Explorer

    explorer = Explorer(ctx.obj, begin)
    explorer.ascii = ctx.meta[ASCII]
    explorer.run(mouse=not ctx.meta[NO_MOUSE])
