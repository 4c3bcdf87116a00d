"""The methods that score edges, by name, and what the exact one costs; light enough for a command line."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from circuit_core.graph import Graph

METHODS = ("eap-ig", "eap", "clean-corrupted", "eap-ig-activations", "exact")
RULES = ("paper", "code", "midpoint")
"""Where the points of `eap-ig` lie."""
THRESHOLDS = ("raw", "normalised")
"""Which faithfulness a circuit must reach."""


def exact_cost(graph: "Graph") -> int:
    """Forward passes over all prompts: one an edge, one a source, and the clean and the corrupted run."""
    return graph.n_edges + graph.n_sources + 2
