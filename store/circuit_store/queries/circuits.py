"""The circuit of a checkpoint, as the explorer draws it and as it lies in the store, and path patching of its heads."""

import sqlite3
from dataclasses import dataclass
from typing import Any, NamedTuple

from circuit_store.display_text import cell
from circuit_store.queries.views import found, of_results, one_state, rows
from circuit_store.views import VIEWS
from circuit_store.views.circuit_parts import WRITER
from circuit_store.views.circuits import STORED
from circuit_store.views.names import destination, port, source
from circuit_store.views.view import AT, OF_MODEL, shown_results


class CircuitEdge(NamedTuple):
    src: str
    dst: str
    port: str | None
    score: float | None
    """None if the circuit was imported without scores."""
    share: float | None = None
    """Part of the resamples whose circuit holds the edge; None if none were drawn."""


@dataclass(frozen=True)
class CircuitOf:
    header: dict[str, Any]
    """The columns of the view `circuit`'s header."""
    into: dict[str, list[CircuitEdge]]
    """Reader -> the edges into it, largest |score| first."""
    shares: dict[str, float]
    """`head`, `mlp`, `input` -> the part of the sum of |score| that such nodes write, largest first."""


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
    shares = db.execute(_SHARES, (result,)).fetchall()
    named = {column.name: cell(header[column.name]) for column in which.columns}
    return CircuitOf(named, _into(db, result), {kind: share or 0 for kind, share in shares})


_OF_MODEL = f"JOIN result ON result.id = ? JOIN {AT}"
_SHARES = (
    f"SELECT {WRITER} AS kind, sum(abs(score)) / nullif(sum(sum(abs(score))) OVER (), 0) AS share FROM circuit_edge"
    f" {_OF_MODEL} WHERE result_id = result.id GROUP BY kind ORDER BY share DESC"
)
_EDGES = "SELECT src, port, score, share FROM circuit_edge WHERE result_id = ? ORDER BY abs(score) DESC, port, src"


def _into(db: sqlite3.Connection, result: int) -> dict[str, list[CircuitEdge]]:
    """Reader -> its edges. Each node is named once, though many edges lead to it and from it."""
    sources = {number: name for number, name in _names(db, "src", source("number"), result)}
    readers = {number: of for number, *of in _names(db, "port", f"{destination('number')}, {port('number')}", result)}
    into: dict[str, list[CircuitEdge]] = {}
    for src, at, score, share in db.execute(_EDGES, (result,)):
        reader, letter = readers[at]
        into.setdefault(reader, []).append(CircuitEdge(sources[src], reader, letter, score, share))
    return into


def _names(db: sqlite3.Connection, column: str, names: str, result: int) -> sqlite3.Cursor:
    """Each number of a column, and what it is called: SQL in terms of `number`."""
    numbers = f"SELECT DISTINCT {column} AS number FROM circuit_edge WHERE result_id = ?"
    return db.execute(f"SELECT number, {names} FROM ({numbers}) {_OF_MODEL}", (result, result))


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
    complete = "analysis = 'patch' AND json_extract(result.params, '$.senders') = 'all'"
    where = " AND ".join(f"{column} = ?" for column in at)
    header, senders = (
        [dict(row) for row in db.execute(view.statement(complete, where), tuple(at.values()))]
        for view in (which.header, which)
    )
    senders.sort(key=lambda row: 1 if row["effect"] is None else -abs(row["effect"]))
    return PatchOf(header[0], senders) if header else None
