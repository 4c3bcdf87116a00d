"""Draw a store's figures: `figures`."""

from pathlib import Path
from typing import Any

import click

from circuit_store.errors import OutputRefused, StoreError
from circuit_store.store import open_to_read
from circuit_store.transactions import snapshot
from circuit_tui import command_output
from circuit_tui.cli.main import FAILED, fail, main
from circuit_tui.terminal import console

_FORMATS = ("pdf", "png", "svg")
_MISSING = "Figures need matplotlib, which is not installed: `pip install 'circuit-tui[figures]'`."


class _Formats(click.ParamType):
    name = "FORMAT[,FORMAT]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        if isinstance(value, tuple):
            return value
        given = tuple(dict.fromkeys(part.strip() for part in str(value).split(",")))
        for kind in given:
            if kind not in _FORMATS:
                self.fail(f"there is no format {kind}: choose among {', '.join(_FORMATS)}.", param, ctx)
        return given


@main.command()
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default="figures",
    show_default=True,
    metavar="DIR",
    help="Write to this folder, which is made if need be.",
)
@click.option(
    "--format",
    "formats",
    type=_Formats(),
    default="pdf",
    show_default=True,
    help="pdf, png, svg; several are separated by commas.",
)
@click.pass_obj
def figures(store: Path, output: Path, formats: tuple[str, ...]) -> None:
    """Draw the paper's figures from the store, each with the CSV behind it."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise StoreError(_MISSING) from None
    from circuit_tui.figures import KINDS, files, style

    db, taken = open_to_read(store), command_output.taken(store)
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputRefused(f"--output {output} cannot be used ({error.strerror}): name another folder.") from None
    some = False
    with snapshot(db), style.paper():
        for kind in KINDS:
            found = False
            for drawn in kind.drawn(db):
                for path in files.write(db, drawn, output, formats, taken):
                    console.shown(str(path))
                found = some = True
            if not found:
                console.told(f"No figure of {kind.ABOUT}: the store holds nothing for it. `circuit-tui {kind.NEEDS}`.")
    if not some:
        fail("nothing could be drawn.", FAILED)
