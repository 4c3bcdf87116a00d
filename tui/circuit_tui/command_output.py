"""Where what a command gives goes: to stdout, or to a file that is not one of the program's own."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO

from circuit_store import output_files
from circuit_store.errors import OutputRefused
from circuit_tui import paths
from circuit_tui.terminal import console


def taken(store: Path, *inputs: Path) -> output_files.Taken:
    """What no output may be."""
    logs = dict.fromkeys((paths.log(), paths.state() / "explorer.log"), "the program's log")
    return logs | dict.fromkeys(inputs, "what the command reads") | output_files.of_store(store)


@contextmanager
def to(output: Path | None, store: Path, *inputs: Path) -> Iterator[IO[bytes]]:
    """A file to write to; without `output` its content is printed in the end.

    Raises:
        OutputRefused, OutputUnwritten: nothing is changed.
    """
    if output is None:
        with SpooledTemporaryFile(output_files.HELD) as file:
            yield file
            file.seek(0)
            console.exact(file)
        return
    try:
        with output_files.replacing(output, taken(store, *inputs)) as file:
            yield file
    except OutputRefused as error:
        raise OutputRefused(f"--output {error}") from None


def write(file: IO[bytes], text: Iterable[str]) -> None:
    """Piece by piece: what waits for the end in memory looks after `writelines` only whether it grew too large."""
    for piece in text:
        file.write(piece.encode())
