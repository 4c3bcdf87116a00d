"""Completion of commands and options in a shell: `completion`."""

import click
from click.shell_completion import BashComplete, FishComplete, ZshComplete

from circuit_tui.cli.main import main
from circuit_tui.terminal import console

_SHELLS = {of.name: of for of in (BashComplete, ZshComplete, FishComplete)}


@main.command()
@click.argument("shell", type=click.Choice(list(_SHELLS)))
def completion(shell: str) -> None:
    """Print what a shell needs to complete commands and options: `eval "$(circuit-tui completion bash)"`."""
    console.shown(_SHELLS[shell](main, {}, "circuit-tui", "_CIRCUIT_TUI_COMPLETE").source())
