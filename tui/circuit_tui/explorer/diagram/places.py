"""Where nodes stand: a row a layer, with the logits above and the input below; in it a column a head, and the MLPs at
the right, half a layer higher, since they read the heads of their layer.

Places depend on the model's shape and the room alone, so that nothing jumps while training is played. (A figure on
paper places only the nodes of its one circuit, as wide apart as they can be: `figures.layered_graph`.)
"""

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

INPUT, LOGITS = "input", "logits"
MARGIN = 4
"""Columns at the left, for the number of the layer."""
_MLPS = 7
"""Columns at the right, for the MLPs."""
_LOWEST, _HIGHEST = 2, 12
"""Rows from one layer to the next."""
_WIDE = 9
"""Columns a head from which on its ports stand apart."""


class Node(NamedTuple):
    kind: str
    """`head`, `mlp`, `input` or `logits`; nothing for what is no node, as a damaged store may have it."""
    layer: int = 0
    head: int = 0


@lru_cache(8192)
def node(name: str) -> Node:
    """Of a name in the notation of circuits."""
    if name in (INPUT, LOGITS):
        return Node(name)
    if match := re.fullmatch(r"m(\d+)|a(\d+)\.h(\d+)", name):
        mlp, layer, head = match.groups()
        return Node("mlp", int(mlp)) if mlp else Node("head", int(layer), int(head))
    return Node("")


@dataclass(frozen=True)
class Grid:
    """Of a model's shape, in so many columns and, if that is enough, so many rows."""

    layers: int
    heads: int
    width: int
    height: int

    @cached_property
    def pitch(self) -> int:
        """Rows from one layer to the next."""
        return max(_LOWEST, min(_HIGHEST, (self.height - 1) // (self.layers + 1)))

    def holds(self, name: str) -> bool:
        """Whether the model has such a node."""
        of = node(name)
        return bool(of.kind) and of.layer < max(1, self.layers) and of.head < max(1, self.heads)

    @property
    def rows(self) -> int:
        """Of the whole diagram: it scrolls where they are more than `height`."""
        return (self.layers + 1) * self.pitch + 1

    @property
    def slot(self) -> float:
        """Columns that a head has."""
        return (self.width - MARGIN - _MLPS) / max(1, self.heads)

    def row(self, name: str) -> int:
        of = node(name)
        if of.kind in (INPUT, LOGITS):
            return 0 if of.kind == LOGITS else self.rows - 1
        return self.row_of(of.layer) - (self.pitch // 2 if of.kind == "mlp" else 0)

    def row_of(self, layer: int) -> int:
        """Where the heads of a layer stand."""
        return (self.layers - layer) * self.pitch

    def level(self, name: str) -> int:
        """From the input upwards: the nodes of a layer are on one."""
        of = node(name)
        return {INPUT: -1, LOGITS: self.layers}.get(of.kind, of.layer)

    def column(self, name: str) -> int:
        """The middle of the node."""
        of = node(name)
        if of.kind == "mlp":
            return self.width - 3
        if of.kind == "head":
            return MARGIN + int((of.head + 0.5) * self.slot)
        return MARGIN + int(self.heads * self.slot / 2)

    def port(self, name: str, port: str | None) -> int:
        """The column at which an edge enters."""
        apart = 2 if self.slot >= _WIDE else 1
        return self.column(name) + {"q": -apart, "v": apart}.get(port or "", 0)
