"""The circuit of a checkpoint, as the explorer draws it and as it lies in the store, and path patching of its heads."""

import sqlite3
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from circuit_store.queries.arrangement import Arrangement
from circuit_store.queries.views import found, of_result, one_state, rows
from circuit_store.views import VIEWS
from circuit_store.views.circuits import STORED


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
    result: int
    """Its id in the store."""
    header: dict[str, Any]
    """The columns of the view `circuit`'s header."""
    edges: list[CircuitEdge]
    """Largest |score| first."""
    composition: list[dict[str, Any]]
    """The columns of the view `composition`."""

    @cached_property
    def into(self) -> dict[str, list[CircuitEdge]]:
        """Reader -> the edges into it, largest |score| first."""
        found: dict[str, list[CircuitEdge]] = {}
        for edge in self.edges:
            found.setdefault(edge.dst, []).append(edge)
        return found

    @property
    def shares(self) -> dict[str, float]:
        """`head`, `mlp`, `input` -> the part of the sum of |score| that such nodes write, largest first."""
        kinds = [row for row in self.composition if row["port"] is None]
        kinds.sort(key=lambda row: -(row["share_of_score"] or 0))
        return {row["kind"]: row["share_of_score"] or 0 for row in kinds}


@one_state
def circuit(db: sqlite3.Connection, model: str, step: int, task: str) -> CircuitOf | None:
    """The circuit of a checkpoint; None if none was computed."""
    at, which = {"model": model, "step": step, "task": task}, VIEWS["circuit"]
    held = found(db, STORED, at, wanted=Arrangement(columns=("result",))).fetchone()
    if held is None:
        return None
    assert which.header is not None
    header, composition = (
        [dict(row) for row in of_result(db, view, held[0])] for view in (which.header, VIEWS["composition"])
    )
    edges = of_result(db, which, held[0], Arrangement(columns=CircuitEdge._fields))
    edges.row_factory = None
    return CircuitOf(held[0], header[0], list(map(CircuitEdge._make, edges)), composition)


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
