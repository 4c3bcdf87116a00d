"""Two circuits of models of different shapes: the parts of their |score| by role, depth and port.

An edge counts where it is written: by a head with the first of its roles, by a head without one, by an MLP, by the
`input`; in the first, middle or last third of the layers; and read at q, k, v, an MLP or the logits. The shares of a
circuit add up to 1.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from circuit_core.graph import PORTS
from circuit_store.views import Column
from circuit_sweep.comparison.sides import Side

PARTS = (
    Column("role", "of the head that writes; `no role`, or `mlp` or `input` where these write"),
    Column("depth", "third of the layers in which it stands: `first`, `middle` or `last`", "the input writes"),
    Column("port", "where it is read: `q`, `k`, `v`, `mlp` or `logits`"),
    Column("share_a", "part of the sum of |score| over A's circuit, 0 to 1", "imported without scores", kind=float),
    Column("share_b", "the same of B's", "imported without scores", kind=float),
    Column("difference", "share_b - share_a", "one of them is empty", kind=float),
)
THIRDS = ("first", "middle", "last")
NO_ROLE = "no role"
Part = tuple[str, str | None, str]
"""Role, depth, port."""


def rows(a: Side, b: Side) -> Iterator[tuple[Any, ...]]:
    """Of `PARTS`, what is largest in either first."""
    of_a, of_b = shares(a), shares(b)
    found = [(part, _share(of_a, part), _share(of_b, part)) for part in {**of_a, **of_b}]
    for part, x, y in sorted(found, key=lambda row: (-max(row[1] or 0, row[2] or 0), [str(name) for name in row[0]])):
        yield *part, x, y, None if x is None or y is None else y - x


def _share(parts: dict[Part, float], part: Part) -> float | None:
    """0 where the circuit has no such edge; None where its scores are not known."""
    share = parts.get(part, 0.0)
    return None if np.isnan(share) or any(np.isnan(list(parts.values()))) else share


def shares(side: Side) -> dict[Part, float]:
    """Part -> its part of the circuit's sum of |score|."""
    graph, sizes, roles = side.graph, abs(side.members.scores), side.head_roles
    writes: list[tuple[str, str | None]] = [("input", None)]  # role and depth of each source
    for layer in range(graph.n_layers):
        depth = THIRDS[3 * layer // graph.n_layers]
        writes += [(roles.get((layer, head), NO_ROLE), depth) for head in range(graph.n_heads)] + [("mlp", depth)]
    reads = [*(port for port in PORTS for _ in range(graph.n_heads)), "mlp"] * graph.n_layers + ["logits"]
    port, source = np.divmod(side.members.edges, graph.n_sources)
    parts: dict[Part, float] = {}
    whole = sizes.sum()
    for at, size in enumerate(sizes / whole if whole else sizes):
        part = *writes[source[at]], reads[port[at]]
        parts[part] = parts.get(part, 0.0) + float(size)
    return parts
