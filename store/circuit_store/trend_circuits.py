"""The circuits of a model, for trends, which ask for all of them at once, again and again.

Once read, the edges of a circuit are kept packed beside it: reading them so takes a hundredth of the time that their
rows take. Packed or not they are the same.
"""

import sqlite3
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

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


@dataclass(frozen=True)
class Shape:
    """Of a model."""

    n_layers: int
    n_heads: int
    parallel: bool

    @property
    def n_sources(self) -> int:
        return 1 + self.n_layers * (self.n_heads + 1)

    @property
    def n_ports(self) -> int:
        return 1 + self.n_layers * (3 * self.n_heads + 1)


def shape(db: sqlite3.Connection, model: str) -> Shape:
    """Without layers where that is not known."""
    found = db.execute("SELECT n_layers, n_heads, parallel FROM model WHERE name = ?", (model,)).fetchone()
    return Shape(found[0] or 0, found[1] or 0, bool(found[2]))


class CircuitReader:
    """The circuits of a model of one shape; `pack` keeps what is not kept yet."""

    def __init__(self, db: sqlite3.Connection, of: Shape) -> None:
        self.db, self.shape = db, of
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
        n, ports = self.shape.n_sources, self.shape.n_ports
        rows = numbers(self.db, kept, n, result, n - 1, ports - 1).reshape(-1, 2)
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


def heads_in(of: Shape, edges: Int[np.ndarray, " edge"]) -> Bool[np.ndarray, "2 layer head"]:
    """Which heads of the model write edges of a circuit, and which read some."""
    port, src = np.divmod(edges, of.n_sources)
    at, place = np.divmod(port, 3 * of.n_heads + 1)
    read = at, np.where(place < 3 * of.n_heads, place % of.n_heads, of.n_heads)
    heads = np.zeros((2, of.n_layers, of.n_heads), bool)
    for found, (layer, head) in zip(heads, (np.divmod(src[src > 0] - 1, of.n_heads + 1), read), strict=True):
        is_head = (layer < of.n_layers) & (head < of.n_heads)
        found[layer[is_head], head[is_head]] = True
    return heads
