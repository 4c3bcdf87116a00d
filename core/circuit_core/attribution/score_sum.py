"""Scores of edges as they add up: of all edges over the prompts, and of some edges prompt by prompt (METHODS l.10)."""

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from circuit_core.graph import Graph


class ScoreSum:
    """Zero at first, for so many prompts.

    Args:
        kept: edges of which each prompt's scores are kept; None for none.
    """

    def __init__(
        self, graph: Graph, batch: int, device: torch.device, kept: Bool[np.ndarray, "src port"] | None = None
    ) -> None:
        self.n_ports = graph.n_ports
        self.total: Float[Tensor, "src port"] = torch.zeros(graph.n_sources, graph.n_ports, device=device)
        self._cells = np.flatnonzero(kept) if kept is not None else np.empty(0, int)
        self._at = torch.as_tensor(self._cells, device=device)
        self.by_prompt: Float[Tensor, "batch edge"] = torch.zeros(batch, len(self._cells), device=device)
        """Edges by source, then port."""

    def add(self, found: Float[Tensor, "some src port"], rows: slice, first: int = 0) -> None:
        """Scores of some prompts, of the sources from `first` on."""
        self.total[first : first + found.shape[1]] += found.sum(0)
        if len(self._cells):
            begin, end = np.searchsorted(self._cells, np.array([first, first + found.shape[1]]) * self.n_ports)
            here = self._at[begin:end] - first * self.n_ports
            self.by_prompt[rows, begin:end] += found.flatten(1)[:, here]
