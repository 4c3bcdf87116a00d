"""A circuit drawn by other tools: as GraphML for Gephi, Cytoscape, yEd and networkx, as DOT for Graphviz.

Shown are the edges in it and the nodes that they touch, input and logits among them.

GraphML: a multigraph, in which q, k and v of one pair are parallel edges. Nodes carry `kind`, and `layer` and `head`
where they have one; edges carry `score`, and `port` if a head reads there. What does not apply is left out: GraphML has
no empty value.

DOT: one edge a line, nodes of one depth in a row, the input below. An edge's label is its port and score, its width
grows with |score|. It is blue if corrupting it raises the loss (score above zero), red if that lowers it. Without
scores it is thin and black.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from circuit_core.formats.circuit_file import CircuitFile

RAISES, LOWERS, UNSCORED = "#2166ac", "#b2182b", "#000000"
THIN, WIDE = 0.5, 5.0
"""Points."""


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
    graph, found = circuit.graph, []
    for node in np.union1d(np.nonzero(circuit.mask.any(1))[0], graph.reader[circuit.mask.any(0)]).tolist():
        layer, head = divmod(node - 1, graph.n_heads + 1)
        if node in (0, graph.n_sources):
            name = "logits" if node else "input"
            found.append(Node(name, name, None, None, node))
        elif head == graph.n_heads:
            found.append(Node(graph.source_name(node), "mlp", layer, None, graph.before_mlp(layer)))
        else:
            found.append(Node(graph.source_name(node), "head", layer, head, graph.before_layer(layer)))
    return found


def write_graphml(circuit: CircuitFile, path: Path, attributes: Mapping[str, Any] | None = None) -> None:
    """Write the edges in the circuit and their nodes; `attributes`, such as model, step and task, are the graph's."""
    import networkx as nx

    drawing = nx.MultiDiGraph()
    drawing.graph.update(_stated(attributes or {}))
    for node in nodes(circuit):
        drawing.add_node(node.name, **_stated({"kind": node.kind, "layer": node.layer, "head": node.head}))
    for edge in edges(circuit):
        drawing.add_edge(edge.source, edge.reader, edge.name, **_stated({"port": edge.port, "score": edge.score}))
    nx.write_graphml(drawing, path)


def _stated(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values that are not None; numbers as they are, all else as text."""
    given = {printable(key): value for key, value in values.items() if value is not None}
    return {key: value if type(value) in (bool, int, float) else printable(value) for key, value in given.items()}


def write_dot(circuit: CircuitFile, path: Path, attributes: Mapping[str, Any] | None = None) -> None:
    """Write the edges in the circuit and their nodes; `attributes`, such as model, step and task, are the caption."""
    kept = edges(circuit)
    largest = max((abs(edge.score or 0.0) for edge in kept), default=0.0) or 1.0
    caption = ", ".join(f"{key} {value}" for key, value in (attributes or {}).items() if value is not None)
    lines = [f"label={quoted(caption)};", "rankdir=BT;", "node [shape=box];"]
    for _, row in groupby(nodes(circuit), key=lambda node: node.depth):
        lines.append("{ rank=same; " + " ".join(f"{quoted(node.name)};" for node in row) + " }")
    for edge in kept:
        score = "" if edge.score is None else f"{edge.score:.3g}"
        label = f"{edge.port or ''} {score}".strip()
        colour = UNSCORED if edge.score is None else RAISES if edge.score >= 0 else LOWERS
        width = THIN + (WIDE - THIN) * (abs(edge.score or 0.0) / largest)
        style = f'label={quoted(label)}, penwidth={width:.2f}, color="{colour}"'
        lines.append(f"{quoted(edge.source)} -> {quoted(edge.reader)} [{style}];")
    body = "".join(f"  {line}\n" for line in lines)
    path.write_text(f"digraph circuit {{\n{body}}}\n", encoding="utf-8")


def quoted(text: str) -> str:
    """Text as a DOT string that shows it as it is."""
    return '"' + printable(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def printable(text: Any) -> str:
    """Text on one line, without the control characters that XML forbids."""
    return "".join(c if c.isprintable() else " " for c in str(text))
