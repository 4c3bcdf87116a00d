"""A figure and what lies beside it: a file a format, and the CSV of each view that it is drawn from.

Equal stores give equal bytes: no file holds a date, a path or a random name. Each says in its metadata which commands
give its data.
"""

import shlex
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

from matplotlib.figure import Figure

from circuit_store import export, output_files, queries
from circuit_store.display_text import plain

FORMATS = ("pdf", "png", "svg")
COMMAND = "circuit-tui figures"
_ADDRESS = ("model", "step")


@dataclass(frozen=True)
class Source:
    """Rows of a view, as `export` gives them with the same filters."""

    view: str
    filters: dict[str, Any] = field(default_factory=dict)
    where: dict[str, list[str]] = field(default_factory=dict)
    """Column -> the values that it may have: `--where`."""

    @property
    def command(self) -> str:
        """The command that prints the CSV."""
        address = "@".join(str(self.filters[name]) for name in _ADDRESS if name in self.filters)
        options = [(f"--{name}", str(value)) for name, value in self.filters.items() if name not in _ADDRESS]
        options += [("--where", f"{name}={value}") for name, values in self.where.items() for value in values]
        words = ["circuit-tui", "export", self.view, *([address] if address else [])]
        return shlex.join([*words, *(word for option in options for word in option)])

    def rows(self, db: sqlite3.Connection) -> list[dict[str, Any]]:
        names = [column.name for column in queries.view(self.view).columns]
        return [dict(zip(names, row, strict=True)) for row in self._taken(db)]

    def csv(self, db: sqlite3.Connection) -> Iterator[str]:
        """The bytes that `export` writes, in pieces."""
        return export.lines(self._taken(db), [column.name for column in queries.view(self.view).columns])

    def _taken(self, db: sqlite3.Connection) -> Iterator[tuple[Any, ...]]:
        return queries.streamed(db, queries.view(self.view), self.filters, {}, queries.Arrangement(self.where))


@dataclass(frozen=True)
class Drawn:
    """A figure, the name of its files without the ending, and what it is drawn from."""

    name: str
    title: str
    figure: Figure
    sources: tuple[Source, ...]

    def tables(self) -> dict[str, Source]:
        """File name -> what is in it: `NAME.csv`, and `NAME.VIEW.csv` of further views."""
        first, *others = self.sources
        return {f"{self.name}.csv": first, **{f"{self.name}.{of.view}.csv": of for of in others}}

    def metadata(self, kind: str) -> dict[str, Any]:
        """What a format can say of itself; dates are left out."""
        title, data = plain(self.title), plain("; ".join(source.command for source in self.sources))
        if kind == "pdf":
            return {"Title": title, "Subject": COMMAND, "Keywords": data, "CreationDate": None}
        said = {"Title": title, "Description": f"{COMMAND}: {data}"}
        return said | ({"Date": None} if kind == "svg" else {})

    def save(self, file: IO[bytes], kind: str) -> None:
        self.figure.savefig(file, format=kind, metadata=self.metadata(kind))


def named(figure: str, *of: str) -> str:
    """The name of a figure's files, of a model, a task, or both; whatever these are called, it is a name of its own,
    in one folder."""
    first, *others = (quote(part, safe=" ") for part in (*of, ""))
    return "-".join(filter(None, [figure, first, *(part.replace("-", "%2D") for part in others)]))


def write(
    db: sqlite3.Connection, drawn: Drawn, folder: Path, formats: tuple[str, ...], taken: output_files.Taken
) -> Iterator[Path]:
    """The files that were written, one by one.

    Raises:
        OutputRefused, OutputUnwritten: of a file that is not to be written, or cannot be.
    """
    for kind in formats:
        path = folder / f"{drawn.name}.{kind}"
        with output_files.replacing(path, taken) as file:
            drawn.save(file, kind)
        yield path
    for name, source in drawn.tables().items():
        with output_files.replacing(folder / name, taken) as file:
            file.writelines(piece.encode() for piece in source.csv(db))
        yield folder / name
