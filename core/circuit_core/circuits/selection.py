"""Choose a circuit of n edges by |score|, and prune it (METHODS c.1 to c.3).

`topn` takes the n largest. `greedy` goes upstream from the logits: the frontier holds all edges into nodes that are
already in, and its largest edge comes next, bringing its source in. Both give one order of all edges, of which the
circuit of n edges is the first n. Pruning drops nodes without a kept edge on either side until nothing changes.
"""

import heapq

import numpy as np

from circuit_core.graph import Graph

SELECTORS = ("greedy", "topn")


def order(scores: np.ndarray, graph: Graph, selector: str = "greedy") -> np.ndarray:
    """int [edge, 2]: all edges as (source, port), in the order in which they are selected.

    Ties go to the lower source, then the lower port; `topn`'s to the lower flat index, which is the same.
    """
    size = np.abs(scores)
    if selector == "topn":
        return largest_first(size, graph)
    ports_of: dict[int, list[int]] = {}
    for port, node in enumerate(graph.reader):
        ports_of.setdefault(int(node), []).append(port)
    frontier: list[tuple[float, int, int]] = []
    inside: set[int] = set()
    taken: list[tuple[int, int]] = []

    def enter(node: int) -> None:
        inside.add(node)
        for port in ports_of.get(node, []):
            for source in range(graph.preceding[port]):
                heapq.heappush(frontier, (-float(size[source, port]), source, port))

    enter(graph.n_sources)
    while frontier:
        _, source, port = heapq.heappop(frontier)
        taken.append((source, port))
        if source not in inside:
            enter(source)
    return np.array(taken)


def largest_first(values: np.ndarray, graph: Graph) -> np.ndarray:
    """int [edge, 2]: all edges as (source, port), by falling value; ties as in `order`."""
    sources, ports = np.nonzero(graph.real)
    ranks = np.lexsort((ports, sources, -values[sources, ports]))
    return np.stack([sources[ranks], ports[ranks]], 1)


def circuit(ordered: np.ndarray, n: int, graph: Graph) -> np.ndarray:
    """bool [src, port]: the first n edges of an order, pruned.

    Raises:
        ValueError: the model has fewer edges.
    """
    if n > len(ordered):
        raise ValueError(f"A circuit of {n} edges was asked for; the model has {len(ordered)}.")
    mask = np.zeros(graph.real.shape, bool)
    mask[ordered[:n, 0], ordered[:n, 1]] = True
    return prune(mask, graph)


def prune(mask: np.ndarray, graph: Graph) -> np.ndarray:
    """Drop every node that lacks an incoming or an outgoing edge, with its edges, until none is left.

    `input` needs no incoming and `logits` no outgoing edge.
    """
    mask = mask.copy()
    while True:
        fed = np.zeros(graph.n_sources + 1, bool)
        fed[graph.reader[mask.any(0)]] = True
        fed[0] = True
        read = np.append(mask.any(1), True)
        keep = fed & read
        smaller = mask & keep[:-1, None] & keep[graph.reader][None]
        if (smaller == mask).all():
            return mask
        mask = smaller


def n_nodes(mask: np.ndarray, graph: Graph) -> int:
    """Nodes that a kept edge touches, `input` and `logits` included."""
    return len(set(np.nonzero(mask.any(1))[0]) | set(graph.reader[mask.any(0)]))
