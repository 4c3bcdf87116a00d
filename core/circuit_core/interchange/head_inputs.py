"""What the ports of a layer's heads read: sums of changes, normalised and projected to q, k and v.

Streams of all ports would fill memory many times over, so they live a few positions at a time, while they are in the
cache. With r the inverse scale of a centred stream x and W folded, a port is r (x W) + offset.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from circuit_core.forward.residual_stream import Weights
from circuit_core.graph import PORTS

Indices = Int[np.ndarray, " n"]
CHUNK = 2**21
"""Numbers of the streams that are held at a time."""


def run(indices: Indices) -> slice | Indices:
    """Ascending indices, as a slice if they leave nothing out: a slice is not copied."""
    whole = len(indices) and indices[-1] - indices[0] + 1 == len(indices)
    return slice(indices[0], indices[-1] + 1) if whole else indices


@dataclass(frozen=True)
class Read:
    """Ports of one layer, in the graph's order."""

    ports: Indices
    """From the layer's first: all q, all k, all v."""
    values: Float[Tensor, "circuit port batch pos d_head"]

    def over(
        self, port: str, heads: Indices, corrupted: Float[Tensor, "head batch all d_head"]
    ) -> Float[Tensor, "circuit some batch all d_head"]:
        """q, k or v of some heads: what was read, at the last positions, over what the corrupted run has."""
        wanted = PORTS.index(port) * len(corrupted) + heads
        fed, width = np.isin(wanted, self.ports), self.values.shape[3]
        read = self.values[:, run(np.searchsorted(self.ports, wanted[fed]))]
        if fed.all() and width == corrupted.shape[2]:
            return read
        over = corrupted[run(heads)].repeat(len(read), 1, 1, 1, 1)
        if fed.any():
            over[:, torch.from_numpy(fed), :, -width:] = read
        return over


class HeadInputs:
    """A layer's q, k and v projections behind its norm, one after the other as the graph's ports."""

    def __init__(self, weights: Weights) -> None:
        self.folded: Float[Tensor, "port d_model d_head"] = torch.cat([weights.fold(p) for p in PORTS])
        self.offset: Float[Tensor, "port one d_head"] = torch.cat([weights.offset[p] for p in PORTS])[:, None]
        self.eps = weights.norm.eps

    def read(
        self,
        ports: Indices,
        kept: Float[Tensor, "circuit port src"],
        changes: Float[Tensor, "circuit src number"],
        corrupted: Float[Tensor, "batch pos d_model"],
    ) -> Read:
        """Some ports, from the changes of the sources that reach them."""
        base, d_model = corrupted.flatten(), corrupted.shape[-1]
        out = base.new_empty(*kept.shape[:2], len(base) // d_model, self.folded.shape[-1])
        size = max(1, CHUNK // max(1, kept.shape[0] * kept.shape[1] * d_model))
        for first in range(0, out.shape[2], size):
            some = slice(first * d_model, (first + size) * d_model)
            x = torch.baddbmm(base[some].expand(*kept.shape[:2], -1), kept, changes[:, :, some])
            self._project(x.unflatten(2, (-1, d_model)), run(ports), out[:, :, first : first + size])
        return Read(ports, out.unflatten(2, corrupted.shape[:2]))

    def _project(
        self,
        x: Float[Tensor, "circuit port row d_model"],
        ports: slice | Indices,
        out: Float[Tensor, "circuit port row d_head"],
    ) -> None:
        norm = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
        scale = (norm.square() / x.shape[-1] + self.eps).rsqrt()
        torch.addcmul(self.offset[ports], torch.matmul(x, self.folded[ports]), scale, out=out)
