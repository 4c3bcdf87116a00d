"""Draw what the explorer shows, without a terminal: `picture`."""

import re
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from circuit_store import addresses, output_files
from circuit_store.store import open_to_read
from circuit_tui import command_output
from circuit_tui.cli.main import ASCII, main
from circuit_tui.explorer.screen_names import SCREENS
from circuit_tui.terminal import console

_KINDS = (".svg", ".txt")
_LEAST, _MOST = (60, 15), (400, 200)


class _Size(click.ParamType):
    name = "COLUMNSxLINES"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        if isinstance(value, tuple):
            return value
        given = re.fullmatch(r"(\d{1,4})x(\d{1,4})", str(value))
        size = (int(given[1]), int(given[2])) if given else (0, 0)
        if not all(least <= n <= most for least, n, most in zip(_LEAST, size, _MOST, strict=True)):
            self.fail(f"{value} is no size from 60x15 to 400x200, such as 120x40.", param, ctx)
        return size


@main.command()
@click.argument("screen", type=click.Choice(list(SCREENS)))
@click.argument("address", required=False, metavar="[MODEL[@STEP]]")
@click.option("--task", metavar="TASK", help="Look at this task.")
@click.option("--role", metavar="ROLE", help="Look at this head role.")
@click.option("--keys", default="", metavar="KEYS", help="Press these, separated by spaces: `m g , ctrl+o d`.")
@click.option("--size", type=_Size(), default="120x40", show_default=True, help="Of the terminal.")
@click.option("--theme", type=click.Choice(["dark", "light"]), default="dark", show_default=True, help="Its colours.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write to FILE.svg or FILE.txt; without it the text is printed.",
)
@click.pass_context
def picture(
    ctx: click.Context,
    screen: str,
    address: str | None,
    task: str | None,
    role: str | None,
    keys: str,
    size: tuple[int, int],
    theme: str,
    output: Path | None,
) -> None:
    """Draw what a screen of the explorer shows, as SVG or text."""
    kind = output.suffix if output else ".txt"
    if kind not in _KINDS:
        raise click.BadParameter(f"{output} ends in neither .svg nor .txt.", param_hint="--output")
    store = ctx.obj
    with closing(open_to_read(store)) as db:
        model, _, step = (address or "").partition("@")
        if model:
            addresses.check_model(db, model)
        at_step = addresses.resolve_step(db, model, step) if step else None
    from circuit_tui.explorer import picture as explorer
    from circuit_tui.explorer.state import Selection

    at = Selection(model or None, at_step, role, task)
    drawn = explorer.picture(store, screen, at, keys.split(), size, theme, kind[1:], ctx.meta[ASCII])
    if output is None:
        return console.shown(drawn.rstrip("\n"))
    with output_files.replacing(output, command_output.taken(store)) as file:
        file.write(drawn.encode())
