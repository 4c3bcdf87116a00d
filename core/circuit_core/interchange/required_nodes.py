"""What must be computed to evaluate circuits: which nodes, and at which positions.

Forwards over the graph: a node is clean if each of its ports gets every source and those are clean too; it then writes
what it wrote in the clean run. Backwards: the logits are read at the answer alone, so what feeds only them is needed
there alone; so are the inputs of an MLP, or of a head's query, that is needed there alone. Keys and values are needed
at all positions.
"""

import numpy as np
from jaxtyping import Bool, Int

from circuit_core.graph import PORTS, Graph

NOWHERE, ANSWER, EVERYWHERE = 0, 1, 2


class RequiredNodes:
    """What a stack of circuits needs together; `anew` takes over nothing from the clean run."""

    def __init__(self, masks: Bool[np.ndarray, "circuit src port"], graph: Graph, anew: bool = False) -> None:
        self.graph, self.kept = graph, np.asarray(masks.any(0))
        clean = (clean_nodes(masks, graph)[:, :-1] | ~masks.any(2)).all(0)
        self.clean: Bool[np.ndarray, " src"] = np.asarray(clean & (not anew))
        """Sources that write what they wrote in the clean run wherever they are read."""
        self.source: Int[np.ndarray, " src"] = np.zeros(graph.n_sources, int)
        """Where each source is read."""
        self.port: Int[np.ndarray, " port"] = np.zeros(graph.n_ports, int)
        """Where each port reads; ports that get nothing, or of nodes that are clean or never read, read nowhere."""
        self._read(slice(graph.logits, None), ANSWER)
        for layer in reversed(range(graph.n_layers)):
            self._read(slice(graph.mlp_port(layer), graph.mlp_port(layer) + 1), self._computed(graph.mlp(layer)))
            heads = self._computed(_heads(graph, layer))
            self._read(graph.head_ports(layer, "q"), heads)
            for port in PORTS[1:]:
                self._read(graph.head_ports(layer, port), EVERYWHERE * (heads > NOWHERE))

    def _computed(self, nodes: int | slice) -> Int[np.ndarray, "*node"]:
        """Where nodes are needed that are not clean."""
        return np.where(self.clean[nodes], NOWHERE, self.source[nodes])

    def _read(self, ports: slice, where: int | Int[np.ndarray, "*port"]) -> None:
        kept = self.kept[:, ports]
        self.port[ports] = where * kept.any(0)
        self.source = np.maximum(self.source, (kept * self.port[ports]).max(1))


def _heads(graph: Graph, layer: int) -> slice:
    return slice(graph.head(layer, 0), graph.mlp(layer))


def clean_nodes(masks: Bool[np.ndarray, "circuit src port"], graph: Graph) -> Bool[np.ndarray, "circuit src_or_logits"]:
    """Which nodes of each circuit, and behind them the logits, compute what they do in the clean run."""
    clean = np.ones((len(masks), graph.n_sources + 1), bool)

    def whole(ports: slice) -> np.ndarray:
        n = graph.preceding[ports.start]
        return np.asarray((masks[:, :n, ports] & clean[:, :n, None]).all(1))

    for layer in range(graph.n_layers):
        clean[:, _heads(graph, layer)] = np.all([whole(graph.head_ports(layer, p)) for p in PORTS], 0)
        port = graph.mlp_port(layer)
        clean[:, graph.mlp(layer)] = whole(slice(port, port + 1))[:, 0]
    clean[:, -1] = whole(slice(graph.logits, None))[:, 0]
    return clean
