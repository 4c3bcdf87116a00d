"""Circuits of n edges by many scores of the same edges, side by side (METHODS l.10): what `selection` gives for each.

Greedy selection takes an edge once its reader is in. With |S| its size and B(v) the bottleneck of a node (of all paths
from v to the logits the largest smallest size; infinite at the logits), all edges with

    min(|S(u->v)|, B(v)) > t

come before all others, whatever t is: as long as one of them can be taken, none below t is. So B, one sweep upstream,
gives all of a circuit but its last edges, whose key is the n-th largest; these alone are taken one by one. For `topn`
the key is |S|. What pruning leaves is what lies on paths from the input to the logits: two sweeps more.
"""

import heapq
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int

from circuit_core.graph import Graph


class EdgeList:
    """Some edges of a graph, as flat indices of [src, port], ascending; arrays over them are [edge, draw]."""

    def __init__(self, graph: Graph, cells: Int[np.ndarray, " edge"]) -> None:
        self.n_nodes = graph.n_sources + 1
        self.src, ports = np.divmod(cells, graph.n_ports)
        self.reader = graph.reader[ports]
        bounds = [1, *(at for i in range(graph.n_layers) for at in (graph.mlp(i), graph.mlp(i) + 1)), self.n_nodes]
        self._bounds = np.array([0, *bounds])
        """Nodes from one bound up to the next do not feed each other: input, heads and MLP of each layer, logits."""

    @cached_property
    def _by_source(self) -> "list[_Segments]":
        return _segments(self.src, np.arange(len(self.src)), self._bounds)

    @cached_property
    def _by_reader(self) -> "list[_Segments]":
        order = np.argsort(self.reader, kind="stable")
        return _segments(self.reader[order], order, self._bounds)

    def circuits(self, sizes: Float[np.ndarray, "edge draw"], n: int, selector: str) -> Bool[np.ndarray, "edge draw"]:
        """The pruned circuits of n edges by these |scores|."""
        keys, bottleneck = self._keys(sizes, selector)
        least = _largest(keys, n)
        chosen = keys >= least
        for draw in np.flatnonzero(chosen.sum(0) > n):
            last = np.flatnonzero(keys[:, draw] == least[draw])
            left = n - int(chosen[:, draw].sum()) + len(last)
            inside = bottleneck[:, draw] > least[draw] if selector == "greedy" else np.ones(self.n_nodes, bool)
            chosen[last, draw] = False
            chosen[self._taken(last, sizes[last, draw], inside, left), draw] = True
        return self.pruned(chosen)

    def first(self, sizes: Float[np.ndarray, " edge"], selector: str) -> Int[np.ndarray, " edge"]:
        """The edges by falling key."""
        return np.argsort(-self._keys(sizes[:, None], selector)[0][:, 0], kind="stable")

    def least(self, sizes: Float[np.ndarray, "edge draw"], n: int, selector: str) -> Float[np.ndarray, " draw"]:
        """What no edge of a circuit of n edges is smaller than; with more edges in the list it is no less."""
        return _largest(self._keys(sizes, selector)[0], n)

    def _keys(
        self, sizes: Float[np.ndarray, "edge draw"], selector: str
    ) -> tuple[Float[np.ndarray, "edge draw"], Float[np.ndarray, "node draw"]]:
        bottleneck = np.zeros((self.n_nodes, sizes.shape[1]), sizes.dtype)
        bottleneck[-1] = np.inf
        if selector == "topn":
            return sizes, bottleneck
        keys = np.empty_like(sizes)
        for some in reversed(self._by_source):
            keys[some.edges] = np.minimum(sizes[some.edges], bottleneck[self.reader[some.edges]])
            bottleneck[some.nodes] = np.maximum.reduceat(keys[some.edges], some.starts)
        return keys, bottleneck

    def _taken(
        self, edges: Int[np.ndarray, " edge"], sizes: np.ndarray, inside: Bool[np.ndarray, " node"], n: int
    ) -> list[int]:
        """The first n of edges that come before all others, in the order of `selection.order`."""
        waiting: dict[int, list[tuple[float, int]]] = {}
        for edge, size in zip(edges.tolist(), sizes.tolist(), strict=True):
            waiting.setdefault(-1 if inside[self.reader[edge]] else int(self.reader[edge]), []).append((-size, edge))
        frontier, taken = waiting.pop(-1), []
        heapq.heapify(frontier)
        while len(taken) < n:
            taken.append(heapq.heappop(frontier)[1])
            for edge in waiting.pop(int(self.src[taken[-1]]), ()):
                heapq.heappush(frontier, edge)
        return taken

    def pruned(self, chosen: Bool[np.ndarray, "edge draw"]) -> Bool[np.ndarray, "edge draw"]:
        """Those on paths from the input to the logits."""
        fed, read = (np.zeros((self.n_nodes, chosen.shape[1]), bool) for _ in range(2))
        fed[0] = read[-1] = True
        for some in self._by_reader:
            fed[some.nodes] = np.logical_or.reduceat(chosen[some.edges] & fed[self.src[some.edges]], some.starts)
        for some in reversed(self._by_source):
            reached = chosen[some.edges] & read[self.reader[some.edges]]
            read[some.nodes] |= np.logical_or.reduceat(reached, some.starts)
        return chosen & fed[self.src] & read[self.reader]

    def nodes(self, circuits: Bool[np.ndarray, "edge draw"]) -> Bool[np.ndarray, "node draw"]:
        """Which nodes a pruned circuit's edges touch: all that write, and the logits."""
        found = np.zeros((self.n_nodes, circuits.shape[1]), bool)
        for some in self._by_source:
            found[some.nodes] = np.logical_or.reduceat(circuits[some.edges], some.starts)
        found[-1] = circuits.any(0)
        return found


class _Segments:
    """Edges of some nodes, node by node."""

    def __init__(self, nodes: np.ndarray, edges: np.ndarray) -> None:
        self.nodes, self.starts = np.unique(nodes, return_index=True)
        consecutive = len(edges) == edges[-1] - edges[0] + 1 and bool((np.diff(edges) == 1).all())
        self.edges = slice(edges[0], edges[-1] + 1) if consecutive else edges


def _segments(nodes: np.ndarray, edges: np.ndarray, bounds: np.ndarray) -> list[_Segments]:
    """Edges that are sorted by these nodes, cut at the bounds; nodes without edges are left out."""
    cuts = np.searchsorted(nodes, bounds)
    return [_Segments(nodes[a:b], edges[a:b]) for a, b in zip(cuts[:-1], cuts[1:], strict=True) if a < b]


def _largest(keys: Float[np.ndarray, "edge draw"], n: int) -> Float[np.ndarray, " draw"]:
    """The n-th largest of each draw."""
    return np.partition(keys.T, len(keys) - n, axis=1)[:, len(keys) - n]
