"""A command in this process: what it prints and how it ends, without the second that an interpreter takes to start.

For commands that answer at once. Those that compute or follow set handlers of signals, and are processes of their own.
"""

from contextlib import chdir
from pathlib import Path

from click.testing import CliRunner, Result


def answer(folder: Path, env: dict[str, str], *args: str | Path) -> Result:
    """Run a command in a folder. Raises: whatever the command does not turn into a sentence."""
    from circuit_tui.cli import main

    with chdir(folder):
        return CliRunner().invoke(main, list(map(str, args)), env=env, prog_name="circuit-tui", catch_exceptions=False)
