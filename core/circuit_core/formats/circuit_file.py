"""What a circuit file holds: scores and membership of edges and nodes, whatever the format.

Arrays lie in the index layout of METHODS a.3. Members are kept as given, pruned or not.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from circuit_core.errors import FormatError
from circuit_core.graph import Graph


@dataclass(frozen=True, eq=False)
class CircuitFile:
    """A circuit with the scores of all edges, or without any.

    Raises:
        FormatError: sizes that do not fit the graph, a member that is not an edge, a score that is not finite.
    """

    graph: Graph
    scores: np.ndarray | None
    """float32 [src, port]; zero where there is no edge; None if edges were chosen otherwise than by scores. By
    attribution: change of the loss if the edge is corrupted."""
    mask: np.ndarray
    """bool [src, port]: edges in the circuit."""
    nodes: np.ndarray
    """bool [src]: nodes in the circuit; the logits always are."""
    d_model: int | None = None
    """None if the file does not say; EAP-IG needs it to read JSON."""
    node_scores: np.ndarray | None = None
    """float32 [src]; NaN where a node was not scored."""
    neurons: np.ndarray | None = None
    """bool [src, d_model]: dimensions of a node's output in the circuit."""
    neuron_scores: np.ndarray | None = None
    """float32 [src, d_model]; NaN where a dimension was not scored."""
    extra: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Further keys, as given, by where they stood: `file`, `cfg`, a node's or an edge's name."""

    def __post_init__(self) -> None:
        if self.d_model is None and not (self.neurons is None and self.neuron_scores is None):
            raise FormatError("d_model is not given, and neurons need it.")
        for name, shape in self._shapes.items():
            if (array := getattr(self, name)) is not None and array.shape != shape:
                raise FormatError(f"{name} is of size {_size(array.shape)}; the model's is {_size(shape)}.")
        for name in ("node_scores", "neuron_scores"):
            if (array := getattr(self, name)) is not None and np.isinf(array).any():
                raise FormatError(f"{name} hold a number that is not finite.")
        self._refuse(self.mask & ~self.graph.real, "is in the circuit, but the model has no such edge")
        if self.scores is not None:
            self._refuse(~np.isfinite(self.scores) & self.graph.real, "has a score that is not a finite number")
            object.__setattr__(self, "scores", np.where(self.graph.real, self.scores, 0).astype(np.float32))

    @property
    def _shapes(self) -> dict[str, tuple[int, ...]]:
        node = (self.graph.n_sources,)
        edge, neuron = (*node, self.graph.n_ports), (*node, self.d_model or 0)
        shapes = {"scores": edge, "mask": edge, "nodes": node}
        return shapes | {"node_scores": node, "neurons": neuron, "neuron_scores": neuron}

    def _refuse(self, wrong: np.ndarray, why: str) -> None:
        if wrong.any():
            source, port = np.argwhere(wrong)[0].tolist()
            raise FormatError(f"{self.graph.edge_name(source, port)} {why}.")


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "1"
