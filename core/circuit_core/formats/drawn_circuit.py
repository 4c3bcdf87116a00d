"""What a drawing of a circuit shows: the edges in it and the nodes that they touch, input and logits among them."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from circuit_core.formats.circuit_file import CircuitFile
from circuit_core.graph import Graph


@dataclass(frozen=True)
class Node:
    name: str
    kind: str
    """`input`, `head`, `mlp` or `logits`."""
    layer: int | None
    head: int | None
    depth: int
    """How many sources precede it; the same for nodes that stand side by side."""


@dataclass(frozen=True)
class Edge:
    source: str
    reader: str
    port: str | None
    """`q`, `k` or `v`; None if the reader is an MLP or the logits."""
    score: float | None
    """None if the circuit has no scores."""

    @property
    def name(self) -> str:
        return f"{self.source}->{self.reader}" + (f"<{self.port}>" if self.port else "")


def edges(circuit: CircuitFile) -> list[Edge]:
    """Edges in the circuit, by source and port."""
    graph, found = circuit.graph, []
    for source, port in np.argwhere(circuit.mask).tolist():
        reader, _, kind = graph.port_name(port).partition("<")
        score = None if circuit.scores is None else float(circuit.scores[source, port])
        found.append(Edge(graph.source_name(source), reader, kind[:1] or None, score))
    return found


def nodes(circuit: CircuitFile) -> list[Node]:
    """Nodes that an edge in the circuit touches, upstream first."""
    ports = circuit.mask.any(0)
    touched = np.union1d(np.nonzero(circuit.mask.any(1))[0], circuit.graph.reader[ports])
    return [_node(circuit.graph, node) for node in touched.tolist()]


def _node(graph: Graph, node: int) -> Node:
    if node == 0:
        return Node("input", "input", None, None, 0)
    if node == graph.n_sources:
        return Node("logits", "logits", None, None, node)
    layer, head = divmod(node - 1, graph.n_heads + 1)
    if head == graph.n_heads:
        return Node(graph.source_name(node), "mlp", layer, None, graph.before_mlp(layer))
    return Node(graph.source_name(node), "head", layer, head, graph.before_layer(layer))


def printable(text: Any) -> str:
    """Text on one line, without the control characters that XML forbids."""
    return "".join(c if c.isprintable() else " " for c in str(text))
