"""EAP-IG's circuit as JSON, which MIB takes too.

    {"cfg":   {n_layers, n_heads, parallel_attn_mlp, d_model},
     "nodes": {"a0.h1": {in_graph, score?, neurons?, neurons_scores?}},
     "edges": {"a0.h1->m3": {score, in_graph}}}

Every node, the logits included, and every edge of the model is listed. Scores are float32, written as the shortest
decimal of the same double; a circuit may have none, null or absent with every edge, which EAP-IG of today cannot read.
Node scores and neurons may be absent, for some nodes or for all. Further keys are kept, and the entry of the logits as
it stands; but JSON knows no NaN, so that a dimension without a score is null, and so is a further number that is not
finite. Older files, as those of circuits-over-time, say of a node only whether it is in, `"a0.h1": true`, and lack
d_model.
"""

from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any

import numpy as np

from circuit_core.errors import FormatError
from circuit_core.formats.circuit_file import CircuitFile
from circuit_core.formats.eap_ig_config import KEYS, config, described, further, need, shape
from circuit_core.formats.extra_keys import plain
from circuit_core.graph import Graph

NODE_VALUES = {"score": "node_scores", "neurons": "neurons", "neurons_scores": "neuron_scores"}
"""Key in the file -> field of CircuitFile."""
LOGITS_ENTRY = {"in_graph": True}
LARGEST_SCORE = float(np.finfo(np.float32).max)


def parse(document: Any) -> CircuitFile:
    """Raises: FormatError."""
    graph, width = shape(need(document, "cfg", "The file"))
    nodes, edges = need(document, "nodes", "The file"), need(document, "edges", "The file")
    if isinstance(nodes, dict) and all(type(entry) is bool for entry in nodes.values()):  # the older form
        nodes = {name: {"in_graph": entry} for name, entry in nodes.items()}
    # Names one after another: a file may claim to be of a model for which there is no room.
    _listed(nodes, lambda: chain(map(graph.source_name, range(graph.n_sources)), ["logits"]), "node", graph)
    sources = [graph.source_name(source) for source in range(graph.n_sources)]
    _listed(
        edges,
        lambda: (
            f"{source}->{name}"
            for port, name in enumerate(map(graph.port_name, range(graph.n_ports)))
            for source in sources[: graph.precedes(port)]
        ),
        "edge",
        graph,
    )
    where = edge_order(graph)
    names = edge_names(graph, where)
    scores, mask = _scores(edges, names, where, graph), np.zeros(graph.real.shape, bool)
    mask[where] = [_flag(edges[name], name) for name in names]
    members = np.array([_flag(nodes[name], name) for name in sources])
    _flag(nodes["logits"], "logits")
    values = {field: _node_values(nodes, sources, key, document["cfg"]) for key, field in NODE_VALUES.items()}
    extra = {"file": further(document, ("cfg", "nodes", "edges")), "cfg": further(document["cfg"], KEYS)}
    extra["logits"] = {} if nodes["logits"] == LOGITS_ENTRY else nodes["logits"]
    extra |= {name: further(nodes[name], ("in_graph", *NODE_VALUES)) for name in sources}
    extra |= {name: further(edges[name], ("score", "in_graph")) for name in edges}
    extra = {where: keys for where, keys in extra.items() if keys}
    return CircuitFile(graph, scores, mask, members, width, **values, extra=extra)


def document(circuit: CircuitFile) -> dict[str, Any]:
    """What `parse` reads, in EAP-IG's order."""
    where, extra = edge_order(circuit.graph), plain(circuit.extra)
    names, kept = edge_names(circuit.graph, where), circuit.mask[where].tolist()
    scores = [None] * len(names) if circuit.scores is None else circuit.scores[where].tolist()
    edges = {name: {"score": score, "in_graph": k} for name, score, k in zip(names, scores, kept, strict=True)}
    nodes: dict[str, dict[str, Any]] = {}
    for source in range(circuit.graph.n_sources):
        entry: dict[str, Any] = {"in_graph": bool(circuit.nodes[source])}
        nodes[circuit.graph.source_name(source)] = entry
        for key, field in NODE_VALUES.items():
            values = getattr(circuit, field)
            if values is not None and not np.isnan(values[source]).all():
                given = values[source].tolist()  # null for NaN in a list
                entry[key] = [None if n != n else n for n in given] if isinstance(given, list) else given
    listed = {"nodes": nodes | {"logits": LOGITS_ENTRY}, "edges": edges}
    for entries in listed.values():
        for name in extra.keys() & entries.keys():
            entries[name] = entries[name] | extra[name]
    return {"cfg": config(circuit) | extra.get("cfg", {})} | listed | extra.get("file", {})


def edge_order(graph: Graph) -> tuple[np.ndarray, np.ndarray]:
    """(sources, ports) of all edges in EAP-IG's order: readers that see the same sources together, then by source, by
    reader, and by q, k, v."""
    sources, ports = np.nonzero(graph.real)
    order = np.lexsort((ports, graph.reader[ports], sources, graph.preceding[ports]))
    return sources[order], ports[order]


def edge_names(graph: Graph, where: tuple[np.ndarray, np.ndarray]) -> list[str]:
    sources = [graph.source_name(source) for source in range(graph.n_sources)]
    ports = [graph.port_name(port) for port in range(graph.n_ports)]
    pairs = zip(where[0].tolist(), where[1].tolist(), strict=True)
    return [f"{sources[source]}->{ports[port]}" for source, port in pairs]


def _listed(given: Any, names: Callable[[], Iterable[str]], kind: str, graph: Graph) -> None:
    """Raises: FormatError, if these are not exactly the entries, before anything larger than the file is made."""
    if not isinstance(given, dict):
        raise FormatError(f"The {kind}s are not a JSON object.")
    if absent := next((name for name in names() if name not in given), None):
        raise FormatError(f"The {kind} {absent} is not listed; all {kind}s of {described(graph)} must be.")
    if unknown := given.keys() - set(names()):
        raise FormatError(f"There is no {kind} {min(unknown)[:40]} in a model of {described(graph)}.")


def _scores(
    edges: dict[str, Any], names: list[str], where: tuple[np.ndarray, np.ndarray], graph: Graph
) -> np.ndarray | None:
    """float32 [src, port]; None if no edge has any."""
    if all(isinstance(edges[name], dict) and edges[name].get("score") is None for name in names):
        return None
    scores = np.zeros(graph.real.shape, np.float32)
    for name, source, port in zip(names, *where, strict=True):
        score = need(edges[name], "score", f"The edge {name}")
        if type(score) not in (int, float) or not abs(score) <= LARGEST_SCORE:
            raise FormatError(f"The score of {name} is {str(score)[:40]}; a finite float32 number is needed.")
        scores[source, port] = float(score)
    return scores


def _flag(entry: Any, name: str) -> bool:
    if type(flag := need(entry, "in_graph", name)) is not bool:
        raise FormatError(f"in_graph of {name} is {str(flag)[:40]}; true or false is needed.")
    return flag


def _node_values(nodes: dict[str, Any], sources: list[str], key: str, cfg: dict[str, Any]) -> np.ndarray | None:
    """Values of one key of all nodes; absent ones are NaN, or not in the circuit, as EAP-IG reads them."""
    given = {row: nodes[name][key] for row, name in enumerate(sources) if key in nodes[name]}
    if not given:
        return None
    shape, flags = () if key == "score" else (need(cfg, "d_model", "cfg"),), key == "neurons"
    rows: dict[int, np.ndarray] = {}
    for row, listed in given.items():
        known = [np.nan if n is None else n for n in listed] if isinstance(listed, list) and not flags else listed
        try:
            rows[row] = np.asarray(known)
        except ValueError:
            rows[row] = np.empty(0, object)
        if rows[row].shape != shape or rows[row].dtype.kind not in ("b" if flags else "if"):
            kind = (
                f"{f'a list of {shape[0]} (d_model), each ' if shape else ''}{'true or false' if flags else 'a number'}"
            )
            raise FormatError(f"{key} of {sources[row]} must be {kind}.")
    values = np.full((len(sources), *shape), False if flags else np.nan, bool if flags else np.float32)
    for row, numbers in rows.items():
        values[row] = numbers
    return values
