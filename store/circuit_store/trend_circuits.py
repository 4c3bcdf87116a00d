"""The circuits of a model, for trends, which ask for all of them at once, again and again.

Once read, the edges of a circuit are kept packed beside it: reading them so takes a hundredth of the time that their
rows take. Packed or not they are the same.
"""

import sqlite3
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from circuit_store import blobs
from circuit_store.transactions import transaction
from circuit_store.trend_series import ShownResult, numbers

_AT_ONCE = 2**20
"""Edges that are held until they are packed."""


@dataclass(frozen=True, eq=False)
class CircuitMembers:
    """The edges of a circuit, by the index space of METHODS a.3."""

    edges: Int[np.ndarray, " edge"]
    """Ascending: port times the number of sources, plus source."""
    scores: Float[np.ndarray, " edge"]
    """NaN where it has none."""


def shape(db: sqlite3.Connection, model: str) -> tuple[int, int, bool]:
    """Layers, heads a layer, and whether blocks are parallel; without layers where that is not known."""
    found = db.execute("SELECT n_layers, n_heads, parallel FROM model WHERE name = ?", (model,)).fetchone()
    return found[0] or 0, found[1] or 0, bool(found[2])


class CircuitReader:
    """The circuits of a model of so many sources and ports; `pack` keeps what is not kept yet."""

    def __init__(self, db: sqlite3.Connection, n_sources: int, n_ports: int) -> None:
        self.db, self.n_sources, self.n_ports = db, n_sources, n_ports
        self._unpacked: dict[tuple[int, int], CircuitMembers] = {}
        """By result, and when that was asked for."""

    def members(self, of: ShownResult) -> CircuitMembers:
        """What is no edge of such a model is left out."""
        kept = "SELECT edges, scores FROM circuit_members WHERE result_id = ?"
        if packed := self.db.execute(kept, (of.id,)).fetchone():
            return CircuitMembers(np.frombuffer(packed[0], "<i4").astype(int), np.frombuffer(packed[1], "<f8"))
        if (of.id, of.asked) not in self._unpacked:
            self._unpacked[of.id, of.asked] = self._read(of.id)
            if sum(len(read.edges) for read in self._unpacked.values()) >= _AT_ONCE:
                (*_, last) = self._unpacked.values()
                self.pack()
                return last
        return self._unpacked[of.id, of.asked]

    def _read(self, result: int) -> CircuitMembers:
        kept = (
            "SELECT port * ? + src, score FROM circuit_edge WHERE result_id = ?"
            " AND src BETWEEN 0 AND ? AND port BETWEEN 0 AND ? ORDER BY port, src"
        )
        n = self.n_sources
        rows = numbers(self.db, kept, n, result, n - 1, self.n_ports - 1).reshape(-1, 2)
        return CircuitMembers(rows[:, 0].astype(int), rows[:, 1].copy())

    def pack(self) -> None:
        """Of results that are still as they were read."""
        rows = [(m.edges.astype("<i4").tobytes(), m.scores.tobytes(), *at) for at, m in self._unpacked.items()]
        self._unpacked.clear()
        if rows:
            with transaction(self.db):
                self.db.executemany(
                    "INSERT OR IGNORE INTO circuit_members SELECT id, ?, ? FROM result WHERE id = ? AND asked = ?", rows
                )


def edge_scores(db: sqlite3.Connection, result: int) -> Float[np.ndarray, "src port"] | None:
    """Of every edge of the model; None where they are not kept."""
    kept = "SELECT scores, scores_sources, scores_ports FROM circuit WHERE result_id = ? AND scores NOT NULL"
    row = db.execute(kept, (result,)).fetchone()
    return row and blobs.unpack(row[0], (row[1], row[2]))
