"""A circuit as DOT, for Graphviz: one edge a line, nodes of one depth in a row, the input below.

An edge's label is its port and score, its width grows with |score|. It is blue if corrupting it raises the loss
(score above zero), red if that lowers it. Without scores it is thin and black.
"""

from collections.abc import Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

from circuit_core.formats.circuit_file import CircuitFile
from circuit_core.formats.drawn_circuit import Edge, Node, edges, nodes, printable

RAISES, LOWERS, UNSCORED = "#2166ac", "#b2182b", "#000000"
THIN, WIDE = 0.5, 5.0
"""Points."""


def write_dot(circuit: CircuitFile, path: Path, attributes: Mapping[str, Any] | None = None) -> None:
    """Write the edges in the circuit and their nodes; `attributes`, such as model, step and task, are the caption."""
    kept = edges(circuit)
    largest = max((abs(edge.score or 0.0) for edge in kept), default=0.0) or 1.0
    caption = ", ".join(f"{key} {value}" for key, value in (attributes or {}).items() if value is not None)
    lines = [f"label={quoted(caption)};", "rankdir=BT;", "node [shape=box];"]
    lines += [_row(list(row)) for _, row in groupby(nodes(circuit), key=lambda node: node.depth)]
    lines += [_edge(edge, abs(edge.score or 0.0) / largest) for edge in kept]
    body = "".join(f"  {line}\n" for line in lines)
    path.write_text(f"digraph circuit {{\n{body}}}\n", encoding="utf-8")


def quoted(text: str) -> str:
    """Text as a DOT string that shows it as it is."""
    return '"' + printable(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _row(row: list[Node]) -> str:
    return "{ rank=same; " + " ".join(f"{quoted(node.name)};" for node in row) + " }"


def _edge(edge: Edge, share: float) -> str:
    score = "" if edge.score is None else f"{edge.score:.3g}"
    label = f"{edge.port or ''} {score}".strip()
    colour = UNSCORED if edge.score is None else RAISES if edge.score >= 0 else LOWERS
    width = THIN + (WIDE - THIN) * share
    style = f'label={quoted(label)}, penwidth={width:.2f}, color="{colour}"'
    return f"{quoted(edge.source)} -> {quoted(edge.reader)} [{style}];"
