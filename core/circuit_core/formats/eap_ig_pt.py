"""EAP-IG's circuit as a dictionary of tensors, which torch saves as .pt.

    cfg, src_nodes [F names], dst_nodes [B names], edges_scores float [F, B], edges_in_graph bool [F, B],
    nodes_in_graph bool [F], and perhaps nodes_scores [F], neurons_in_graph [F, d_model], neurons_scores [F, d_model]

F sources and B ports in the layout of METHODS a.3, without the logits as a node. It has no place for further keys of
single nodes and edges: those stay behind. A circuit without scores has NaN for each of them, or no edges_scores. Older
files have the scores under `edges`, and say under `src_nodes` whether each node is in: {"a0.h1": True}. Further keys of
the whole and of cfg hold tensors and what JSON holds, so that the circuit can be written in either format.
"""

from typing import Any

import numpy as np

from circuit_core.errors import FormatError, brief
from circuit_core.formats.circuit_file import CircuitFile
from circuit_core.formats.eap_ig_config import KEYS, config, further, need, shape
from circuit_core.graph import Graph

REQUIRED = {"edges_scores": "scores", "edges_in_graph": "mask", "nodes_in_graph": "nodes"}
OPTIONAL = {"nodes_scores": "node_scores", "neurons_in_graph": "neurons", "neurons_scores": "neuron_scores"}
"""Key in the file -> field of CircuitFile."""


def parse(tensors: Any) -> CircuitFile:
    """Raises: FormatError."""
    import torch

    graph, width = shape(need(tensors, "cfg", "The file"))
    for key, n, kind in (("src_nodes", graph.n_sources, list | dict), ("dst_nodes", graph.n_ports, list)):
        if not isinstance(given := need(tensors, key, "The file"), kind) or len(given) != n:
            raise FormatError(f"{key} is not a list of {n} names, as many as the model has.")
    if isinstance(old := tensors["src_nodes"], dict):  # the older form
        if wrong := next((name for name, kept in old.items() if type(kept) is not bool), None):
            raise FormatError(f"src_nodes has {brief(old[wrong])} for {str(wrong)[:40]}; true or false is needed.")
        flags = {"src_nodes": list(old), "nodes_in_graph": torch.tensor(list(old.values()), dtype=torch.bool)}
        rest = {key: value for key, value in tensors.items() if key != "edges"}
        tensors = rest | flags | ({"edges_scores": tensors["edges"]} if "edges" in tensors else {})
    if "edges_scores" not in tensors:
        tensors = tensors | {"edges_scores": torch.full(graph.real.shape, torch.nan)}
    names = _names(graph)
    for key, expected in names.items():
        for place, (name, right) in enumerate(zip(tensors[key], expected, strict=True)):
            if not isinstance(name, str) or name != right:
                raise FormatError(f"{key} has {brief(name)} at place {place}, where {right} belongs.")
    keys = REQUIRED | {key: name for key, name in OPTIONAL.items() if key in tensors}
    most = graph.n_sources * max(graph.n_ports, width or 0)
    arrays: dict[str, Any] = {name: _array(need(tensors, key, "The file"), key, most) for key, name in keys.items()}
    scores = arrays.get("scores")
    if scores is not None and scores.shape == graph.real.shape and np.isnan(scores[graph.real]).all():
        arrays["scores"] = None
    extra = {"file": further(tensors, ("cfg", *names, *keys)), "cfg": further(tensors["cfg"], KEYS)}
    return CircuitFile(graph, d_model=width, **arrays, extra={where: e for where, e in extra.items() if e})


def tensors(circuit: CircuitFile) -> dict[str, Any]:
    """What `parse` reads, in EAP-IG's order."""
    import torch

    arrays = {key: getattr(circuit, name) for key, name in (REQUIRED | OPTIONAL).items()}
    if circuit.scores is None:
        arrays["edges_scores"] = np.full(circuit.mask.shape, np.nan, np.float32)
    filled = {key: torch.from_numpy(np.array(array)) for key, array in arrays.items() if array is not None}
    return {"cfg": config(circuit)} | _names(circuit.graph) | filled | circuit.extra.get("file", {})


def _names(graph: Graph) -> dict[str, list[str]]:
    return {
        "src_nodes": [graph.source_name(source) for source in range(graph.n_sources)],
        "dst_nodes": [graph.port_name(port) for port in range(graph.n_ports)],
    }


def _array(tensor: Any, key: str, most: int) -> np.ndarray:
    """Floats as float32; a tensor may claim more numbers than its file holds. Raises: FormatError."""
    import torch

    kind = "bool" if key.endswith("in_graph") else "float"
    if not isinstance(tensor, torch.Tensor) or tensor.layout != torch.strided:
        raise FormatError(f"{key} is not a tensor.")
    if not (tensor.dtype == torch.bool if kind == "bool" else tensor.is_floating_point()):
        raise FormatError(f"{key} is of {tensor.dtype}, where {kind} is needed.")
    if tensor.numel() > most:
        raise FormatError(f"{key} has {tensor.numel():,} numbers; nodes, ports and d_model of cfg allow {most:,}.")
    return tensor.detach().to(torch.bool if kind == "bool" else torch.float32).numpy()
