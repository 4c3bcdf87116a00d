"""A circuit as GraphML, for Gephi, Cytoscape, yEd and networkx.

A multigraph: q, k and v of one pair are parallel edges. Nodes carry `kind`, and `layer` and `head` where they have one;
edges carry `score`, and `port` if a head reads there. What does not apply is left out: GraphML has no empty value.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from circuit_core.formats.circuit_file import CircuitFile
from circuit_core.formats.drawn_circuit import edges, nodes, printable


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
