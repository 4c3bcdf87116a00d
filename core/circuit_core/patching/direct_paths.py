"""Run C of path patching: what senders change in what receivers read, no other head reacting (METHODS f.1).

With attention frozen every position depends on itself alone. So only positions that differ and matter are treated, and
as a change of the clean run: a sender writes dz W_O, and each MLP on the way adds what its own output changes by.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from circuit_core.errors import CircuitError
from circuit_core.forward.residual_stream import Writes
from circuit_core.graph import PORTS, Graph
from circuit_core.patching.model_parts import ModelParts
from circuit_core.tasks.prompts import PromptSet

Rows = tuple[Int[Tensor, " row"], Int[Tensor, " row"]]
"""Prompts and positions at which something changes."""


@dataclass(frozen=True)
class Receivers:
    """Where paths end: the logits, or the q, k and v of some heads, patched jointly."""

    ports: dict[int, dict[str, list[int]]]
    """layer -> port -> heads, layers ascending; empty for the logits."""
    n_layers: int

    @staticmethod
    def parse(names: str | Iterable[str], graph: Graph) -> "Receivers":
        """Of `logits`, or of names like `a9.h1<q>`. Raises: CircuitError."""
        names = [names] if isinstance(names, str) else list(names)
        if names == ["logits"]:
            return Receivers({}, graph.n_layers)
        try:
            ports = sorted({graph.port_index(name) for name in names})
        except ValueError as error:
            raise CircuitError(str(error)) from error
        if wrong := next((name for name in names if "<" not in name), None):
            raise CircuitError(
                f"{wrong} cannot be one of several receivers: name logits alone, or ports such as a1.h0<q>."
            )
        found: dict[int, dict[str, list[int]]] = {}
        for port in ports:
            layer, rest = divmod(port, 3 * graph.n_heads + 1)
            kind, head = divmod(rest, graph.n_heads)
            found.setdefault(layer, {}).setdefault(PORTS[kind], []).append(head)
        if not found:
            raise CircuitError("No receiver was named: name logits, or head ports such as a1.h0<q>.")
        return Receivers(found, graph.n_layers)

    @property
    def layers(self) -> list[int]:
        """Ascending; the logits stand after the last."""
        return list(self.ports) or [self.n_layers]

    @property
    def index(self) -> tuple[list[int], list[int]]:
        """Layers and heads of the receiving heads, each once, ascending."""
        heads = sorted({(layer, h) for layer, ports in self.ports.items() for hs in ports.values() for h in hs})
        return [layer for layer, _ in heads], [head for _, head in heads]

    def __str__(self) -> str:
        named = [f"a{layer}.h{h}<{p}>" for layer, ports in self.ports.items() for p, hs in ports.items() for h in hs]
        return ", ".join(named) or "logits"


def rows(prompts: PromptSet, source: Int[Tensor, "batch pos"], end_only: bool) -> Rows:
    """From the first token that differs to END, or END alone where any token before it differs."""
    place = torch.arange(source.shape[1], device=source.device)
    differs = (source != prompts.clean).cumsum(1) > 0
    matters = place == prompts.end[:, None] if end_only else place <= prompts.end[:, None]
    prompt, position = (differs & matters).nonzero(as_tuple=True)
    return prompt, position


class DirectPaths:
    """From heads whose z is that of another run."""

    def __init__(self, parts: ModelParts, other: Writes, rows: Rows, mlps_frozen: bool) -> None:
        self.parts, self.rows, self.mlps_frozen = parts, rows, mlps_frozen
        pairs = zip(other.z, parts.clean.writes.z, strict=True)
        self.change: list[Float[Tensor, "row head d_head"]] = [b[rows] - a[rows] for b, a in pairs]

    def reached(self, layer: int, heads: list[int], to: Receivers) -> dict[int, Float[Tensor, "stack row d_model"]]:
        """By sender, the change of what the receivers of each later layer read."""
        out = self.parts.weights[layer].out[heads]
        change = torch.einsum("rhe,hed->hrd", self.change[layer][:, heads], out)
        found: dict[int, Tensor] = {}
        first = layer + self.parts.graph.parallel
        for reader in (at for at in to.layers if at > layer):
            for mlp in range(first, reader):
                change = change + self._through(mlp, change)
            first, found[reader] = reader, change
        return found

    def _through(self, layer: int, change: Float[Tensor, "stack row d_model"]) -> Float[Tensor, "stack row d_model"]:
        """By how much a layer's MLP writes something else."""
        if self.mlps_frozen:
            return torch.zeros_like(change)
        clean = self.parts.clean
        return self.parts.mlp(layer, clean.before_mlp[layer][self.rows] + change) - clean.writes.mlp[layer][self.rows]
