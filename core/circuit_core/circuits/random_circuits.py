"""Random circuits of exactly as many edges as a circuit has: what chance keeps of a task (METHODS c.5).

Edges drawn evenly from all are pruned away: of 54 among 1,084 none is left. So these circuits grow by paths: an edge
into a node that is in, drawn evenly from those not yet taken, and upstream of it one edge after the other, until a node
that is in (at first input and logits). Each edge then lies on a path, so that pruning changes nothing. Where a path
would be too long, it ends at the input at once.
"""

from collections.abc import Iterable
from random import Random

import numpy as np
from jaxtyping import Bool

from circuit_core.graph import Graph


def random_circuits(sizes: Iterable[int], graph: Graph, seed: int) -> dict[int, Bool[np.ndarray, "src port"]]:
    """One circuit of each size, which a circuit of this graph must be able to have; larger ones go on from smaller."""
    random = Random(seed)
    growing, found = _Growing(graph, random), {}
    for n in sorted(set(sizes)):
        while not growing.grow(n):
            growing = _Growing(graph, random)
        found[n] = growing.mask
    return found


class _Growing:
    """A circuit, and the edges that may come next; an edge is the number port * sources + source."""

    def __init__(self, graph: Graph, random: Random) -> None:
        self.graph, self.random, self.width = graph, random, graph.n_sources
        self.preceding: list[int] = graph.preceding.tolist()
        self.ports: dict[int, list[int]] = {}
        for port, node in enumerate(graph.reader.tolist()):
            self.ports.setdefault(node, []).append(port)
        self.inside, self.taken = {0}, set[int]()
        self.frontier: list[int] = []
        self._enter(graph.n_sources)

    def _enter(self, node: int) -> None:
        if node not in self.inside:
            self.inside.add(node)
            for port in self.ports[node]:
                self.frontier += range(port * self.width, port * self.width + self.preceding[port])

    def grow(self, n: int) -> bool:
        """To n edges; False if this circuit cannot have so many."""
        waiting: list[int] = []
        while len(self.taken) < n and self.frontier:
            edge, room = self._draw(), n - len(self.taken)
            if edge in self.taken:
                continue
            if room == 1 and edge % self.width not in self.inside:
                waiting.append(edge)
            else:
                self._take(self._path(edge, room))
        self.frontier += waiting
        return len(self.taken) == n

    def _draw(self) -> int:
        edges, at = self.frontier, self.random.randrange(len(self.frontier))
        edges[at], edges[-1] = edges[-1], edges[at]
        return edges.pop()

    def _path(self, edge: int, room: int) -> list[int]:
        """From a node that is in to this edge, at most `room` edges."""
        path = [edge]
        while (node := path[-1] % self.width) not in self.inside:
            port = self.random.choice(self.ports[node])
            source = self.random.randrange(self.preceding[port]) if len(path) < room - 1 else 0
            path.append(port * self.width + source)
        return path

    def _take(self, path: list[int]) -> None:
        for edge in path:
            self.taken.add(edge)
            self._enter(edge % self.width)

    @property
    def mask(self) -> Bool[np.ndarray, "src port"]:
        ports, sources = np.divmod(np.fromiter(self.taken, int), self.width)
        mask = np.zeros(self.graph.real.shape, bool)
        mask[sources, ports] = True
        return mask
