"""The circuits in which a role's heads are looked for: those of a task that count as its own (METHODS l.3)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int

from circuit_core.graph import Graph
from circuit_store.trend_series import ShownResult


@dataclass(frozen=True)
class CountedCircuits:
    """The circuits of a task that count as such."""

    allowed: Bool[np.ndarray, "layer head"]
    """Whether it both writes and reads in some."""
    counts: Int[np.ndarray, "layer head"]
    """In how many it is."""
    reason: str | None
    """Why none counts, though some are stored."""

    def at(self, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
        """`allowed` and `counts` of that many layers and heads."""
        allowed, counts = np.zeros(shape, bool), np.zeros(shape, int)
        both = tuple(slice(min(sizes)) for sizes in zip(shape, self.counts.shape, strict=True))
        allowed[both], counts[both] = self.allowed[both], self.counts[both]
        return allowed, counts

    @staticmethod
    def of(
        found: Mapping[str, Sequence[ShownResult]],
        graph: Graph,
        edges: Callable[[ShownResult], Int[np.ndarray, " edge"]],
    ) -> "CountedCircuits | None":
        """Of the first task of which one counts; None if the store holds no circuit of any.

        Args:
            found: task -> its circuits, if there are some.
            edges: of a circuit, each as port times the number of sources, plus source.
        """
        if not found:
            return None
        for results in found.values():
            if counted := [of for of in results if of.why_not is None]:
                ends = np.zeros((len(counted), 2, graph.n_sources + 1), bool)  # which nodes write, and which read
                for place, of in enumerate(counted):
                    port, source = np.divmod(edges(of), graph.n_sources)
                    ends[place, 0, source] = ends[place, 1, graph.reader[port]] = True
                of_layers = ends[:, :, 1:-1].reshape(len(counted), 2, graph.n_layers, graph.n_heads + 1)
                heads = of_layers[..., : graph.n_heads]
                return CountedCircuits(np.any(heads, 0).all(0), np.any(heads, 1).sum(0), None)
        why_not = dict.fromkeys(of.why_not for results in found.values() for of in results if of.why_not)
        reason = f"no circuit of {' or '.join(found)} counts: {'; '.join(why_not)}"
        return CountedCircuits(np.zeros((0, 0), bool), np.zeros((0, 0), int), reason)
