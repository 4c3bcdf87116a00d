"""The circuit of a checkpoint, as the explorer draws it and as it lies in the store, and path patching of its heads."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple, overload

from circuit_store.display_text import cell
from circuit_store.queries.views import found, of_results, one_state, rows
from circuit_store.views import VIEWS
from circuit_store.views.circuit_parts import WRITER
from circuit_store.views.circuits import STORED
from circuit_store.views.names import destination, port, source
from circuit_store.views.view import AT, AT_STEP, OF_MODEL, shown_results


class CircuitEdge(NamedTuple):
    src: str
    dst: str
    port: str | None
    score: float | None
    """None if the circuit was imported without scores."""
    share: float | None = None
    """Part of the resamples whose circuit holds the edge; None if none were drawn."""
    se: float | None = None
    """Standard error of the score; None if no resamples were drawn."""

    @property
    def name(self) -> str:
        """As circuits name it: `a5.h3->a9.h1<q>`."""
        return f"{self.src}->{self.dst}" + (f"<{self.port}>" if self.port else "")


@dataclass(frozen=True)
class CircuitOf:
    header: dict[str, Any]
    """The columns of the view `circuit`'s header."""
    into: "Readers"
    """Reader -> the edges into it, largest |score| first."""
    shares: dict[str, float]
    """`head`, `mlp`, `input` -> the part of the sum of |score| that such nodes write, largest first."""
    largest: float
    """Of the |scores| that are finite."""


def circuit_results(db: sqlite3.Connection, model: str, task: str) -> dict[int, int]:
    """Step -> the circuit of a task that is shown there."""
    chosen = f"{OF_MODEL} AND analysis = 'circuit' AND task.name = ?"
    found = db.execute(
        f"WITH shown_result AS ({shown_results(chosen)}) SELECT step, shown_result.id"
        " FROM shown_result JOIN checkpoint ON checkpoint.id = checkpoint_id",
        (model, task),
    )
    return {step: result for step, result in found}


@one_state
def circuit(db: sqlite3.Connection, model: str, step: int, task: str) -> CircuitOf | None:
    """The circuit of a checkpoint; None if none was computed."""
    result = circuit_results(db, model, task).get(step)
    return None if result is None else circuit_in(db, result)


@one_state
def circuit_in(db: sqlite3.Connection, result: int) -> CircuitOf | None:
    """The circuit of a result; None if it is there no more."""
    which = VIEWS["circuit"].header
    assert which is not None
    header = db.execute(of_results(which, "result.id = ?"), (result,)).fetchone()
    if header is None:
        return None
    parts: list[tuple[str, float | None, float]] = db.execute(_SHARES, (result,)).fetchall()
    named = {column.name: cell(header[column.name]) for column in which.columns}
    shares, largest = {kind: share or 0.0 for kind, share, _ in parts}, max((size for *_, size in parts), default=0.0)
    return CircuitOf(named, Readers(db, result), shares, largest)


_SHARES = (
    f"SELECT {WRITER} AS kind, sum(abs(score)) / nullif(sum(sum(abs(score))) OVER (), 0) AS share,"
    f" max(iif(abs(score) < 9e999, abs(score), 0)) FROM circuit_edge JOIN result ON result.id = ? JOIN {AT}"
    " WHERE result_id = result.id GROUP BY kind ORDER BY share DESC"
)
_EDGES = "SELECT port, src, score, share, se FROM circuit_edge WHERE result_id = ?"
_SHAPE = f"SELECT n_layers, n_heads FROM result JOIN {AT} WHERE result.id = ?"


class Readers(Mapping[str, list[CircuitEdge]]):
    """Reader -> the edges into it, largest |score| first. They are put in order and named when they are looked at: of a
    circuit of thousands of edges few are.
    """

    def __init__(self, db: sqlite3.Connection, result: int) -> None:
        cursor = db.cursor()
        cursor.row_factory = None
        self._sources, self._ports = _names(*cursor.execute(_SHAPE, (result,)).fetchone())
        self._rows: dict[str, list[tuple[Any, ...]]] = {}
        for row in cursor.execute(_EDGES, (result,)):
            self._rows.setdefault(self._port(row[0])[0], []).append(row)
        self._edges: dict[str, list[CircuitEdge]] = {}

    def __getitem__(self, reader: str) -> list[CircuitEdge]:
        if reader not in self._edges:
            rows = sorted(self._rows[reader], key=_largest_first)
            self._edges[reader] = list(map(self.named, rows))
        return self._edges[reader]

    def all(self) -> "Edges":
        """The edges into all readers, largest |score| first."""
        rows = [row for rows in self._rows.values() for row in rows]
        return Edges(sorted(rows, key=_largest_first), self.named)

    def out_of(self, writer: str) -> list[CircuitEdge]:
        """What the node writes to, largest |score| first."""
        sources = {number for number, name in self._sources.items() if name == writer}
        rows = (row for rows in self._rows.values() for row in rows if row[1] in sources)
        return list(map(self.named, sorted(rows, key=_largest_first)))

    def named(self, row: tuple[Any, ...]) -> CircuitEdge:
        port, src, *figures = row
        return CircuitEdge(self._sources.get(src, f"{src}"), *self._port(port), *figures)

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def _port(self, number: int) -> tuple[str, str | None]:
        """Who reads there, and at which of its ports; of a damaged store a number that is no port's stays a number."""
        return self._ports.get(number) or (f"{number}", None)


class Edges(Sequence[CircuitEdge]):
    """Edges in their order, each named when it is looked at."""

    def __init__(self, rows: list[tuple[Any, ...]], named: Callable[[tuple[Any, ...]], CircuitEdge]) -> None:
        self._rows, self._named = rows, named

    @overload
    def __getitem__(self, place: int) -> CircuitEdge: ...
    @overload
    def __getitem__(self, place: slice) -> list[CircuitEdge]: ...
    def __getitem__(self, place: int | slice) -> CircuitEdge | list[CircuitEdge]:
        rows = self._rows[place]
        return list(map(self._named, rows)) if isinstance(rows, list) else self._named(rows)

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def shares(self) -> list[float | None]:
        """Of each edge, the part of the resamples whose circuit holds it."""
        return [row[_SHARE] for row in self._rows]


_SHARE = 3
"""Of a row of `_EDGES`."""


def _largest_first(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """What rows of `_EDGES` are sorted by."""
    return row[2] is None, -abs(row[2] or 0), *row[:2]


@lru_cache(16)
def _names(n_layers: int | None, n_heads: int | None) -> tuple[dict[int, str], dict[int, tuple[str, str | None]]]:
    """Of a model's shape: the names of all sources; of all ports, who reads there and at which of its ports."""
    layers, heads = n_layers or 0, n_heads or 0
    numbers = "WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)"
    shape = "FROM numbers JOIN (SELECT ? AS n_layers, ? AS n_heads)"
    with closing(sqlite3.connect(":memory:")) as db:
        sources = db.execute(f"{numbers} SELECT n, {source('n')} {shape}", (layers * (heads + 1), layers, heads))
        names = dict(sources.fetchall())
        ports = f"{numbers} SELECT n, {destination('n')}, {port('n')} {shape}"
        found = db.execute(ports, (layers * (3 * heads + 1), layers, heads))
        return names, {number: (reader, letter) for number, reader, letter in found}


def circuits_by(db: sqlite3.Connection, model: str, task: str) -> str | None:
    """Method and search of the circuits that are shown over training (`eap-ig, grid`); None if there are none."""
    held = rows(db, VIEWS["circuits"], {"model": model, "task": task})
    return ", ".join(held[0][name] for name in ("method", "search") if held[0][name]) if held else None


@dataclass(frozen=True)
class StoredCircuit:
    """A circuit as it lies in the store, in the index layout of METHODS a.3."""

    n_layers: int
    n_heads: int
    parallel: bool
    d_model: int | None
    method: str | None
    selector: str | None
    scores: bytes | None
    shape: tuple[int, int]
    original: bytes | None
    edges: list[tuple[int, int]]
    """(source, port) of the members."""


@one_state
def stored_circuit(
    db: sqlite3.Connection, model: str, step: int, task: str, choices: dict[str, Any]
) -> StoredCircuit | None:
    """The circuit that is shown; None if none was computed."""
    held = found(db, STORED, {"model": model, "step": step, "task": task}, choices).fetchone()
    if held is None:
        return None
    row = dict(held)
    edges = db.execute("SELECT src, port FROM circuit_edge WHERE result_id = ?", (row.pop("result"),)).fetchall()
    shape = row.pop("scores_sources"), row.pop("scores_ports")
    fields = {k: v for k, v in row.items() if k not in ("model", "step", "task")}
    return StoredCircuit(**{**fields, "parallel": bool(row["parallel"])}, shape=shape, edges=list(map(tuple, edges)))


@dataclass(frozen=True)
class PatchOf:
    """Path patching of all heads, one at a time, into one set of receivers."""

    header: dict[str, Any]
    """The columns of the view `patches`."""
    senders: list[dict[str, Any]]
    """The columns of the view `patch`, largest |effect| first; those without an effect last."""


@one_state
def patch(db: sqlite3.Connection, model: str, step: int, task: str, receivers: str) -> PatchOf | None:
    """The newest with MLPs recomputed and every head a sender; None if none was computed."""
    which = VIEWS["patch"]
    assert which.header is not None
    at = {"model": model, "step": step, "task": task, "receivers": receivers, "mlps": "recomputed"}
    complete = f"{OF_MODEL} AND analysis = 'patch' AND json_extract(result.params, '$.senders') = 'all'"
    where = " AND ".join(f"{column} = ?" for column in at)
    header, senders = (
        [dict(row) for row in db.execute(view.statement(complete, where, AT_STEP), (model, step, *at.values()))]
        for view in (which.header, which)
    )
    senders.sort(key=lambda row: 1 if row["effect"] is None else -abs(row["effect"]))
    return PatchOf(header[0], senders) if header else None
