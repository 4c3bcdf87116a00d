"""The circuit of a checkpoint, as the explorer draws it and as it lies in the store, and path patching of its heads."""

import sqlite3
from dataclasses import dataclass, fields
from typing import Any

from circuit_store.queries.views import found, one_state, rows
from circuit_store.views import VIEWS
from circuit_store.views.circuits import STORED
from circuit_store.views.view import AT_STEP, OF_MODEL


@dataclass(frozen=True)
class CircuitEdge:
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


@one_state
def circuit(db: sqlite3.Connection, model: str, step: int, task: str) -> CircuitOf | None:
    """The circuit of a checkpoint; None if none was computed."""
    at = {"model": model, "step": step, "task": task}
    which = VIEWS["circuit"]
    assert which.header is not None
    header = rows(db, which.header, at)
    if not header:
        return None
    into: dict[str, list[CircuitEdge]] = {}
    for row in rows(db, which, at):
        into.setdefault(row["dst"], []).append(CircuitEdge(**{of.name: row[of.name] for of in fields(CircuitEdge)}))
    kinds = [row for row in rows(db, VIEWS["composition"], at) if row["port"] is None]
    kinds.sort(key=lambda row: -(row["share_of_score"] or 0))
    return CircuitOf(header[0], into, {row["kind"]: row["share_of_score"] or 0 for row in kinds})


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
