"""The index space of nodes and edges (METHODS a): who writes, who reads, and their names.

Sources write to the residual stream: `input`, heads `a5.h3`, MLPs `m5`. Ports read from it: a head's `<q>`, `<k>` and
`<v>`, an MLP, the `logits`. An edge is a (source, port) pair in which the source precedes the port, as in
`a5.h3->a9.h1<q>`. In parallel blocks an MLP does not see the heads of its own layer; in sequential blocks it does.
"""

import re
from dataclasses import dataclass
from functools import cached_property

import numpy as np

PORTS = "qkv"


@dataclass(frozen=True)
class Graph:
    n_layers: int
    n_heads: int
    parallel: bool

    @property
    def n_sources(self) -> int:
        return 1 + self.n_layers * (self.n_heads + 1)

    @property
    def n_ports(self) -> int:
        return self.n_layers * (3 * self.n_heads + 1) + 1

    @property
    def n_edges(self) -> int:
        return int(self.real.sum())

    def head(self, layer: int, head: int) -> int:
        """Source index of a head."""
        return 1 + layer * (self.n_heads + 1) + head

    def mlp(self, layer: int) -> int:
        """Source index of an MLP."""
        return self.head(layer, self.n_heads)

    def head_ports(self, layer: int, port: str) -> slice:
        """Port indices of one kind of all heads of a layer."""
        first = layer * (3 * self.n_heads + 1) + PORTS.index(port) * self.n_heads
        return slice(first, first + self.n_heads)

    def mlp_port(self, layer: int) -> int:
        return layer * (3 * self.n_heads + 1) + 3 * self.n_heads

    @property
    def logits(self) -> int:
        """Port index of the logits, the last."""
        return self.n_ports - 1

    def before_layer(self, layer: int) -> int:
        """How many sources precede the heads of a layer."""
        return 1 + layer * (self.n_heads + 1)

    def before_mlp(self, layer: int) -> int:
        """How many sources precede the MLP of a layer."""
        return self.before_layer(layer) + (0 if self.parallel else self.n_heads)

    def precedes(self, port: int) -> int:
        """How many sources precede a port."""
        layer, rest = divmod(port, 3 * self.n_heads + 1)
        if layer == self.n_layers:
            return self.n_sources
        return self.before_mlp(layer) if rest == 3 * self.n_heads else self.before_layer(layer)

    @cached_property
    def preceding(self) -> np.ndarray:
        """[port]: how many sources precede each port."""
        return np.array([self.precedes(port) for port in range(self.n_ports)])

    @cached_property
    def real(self) -> np.ndarray:
        """bool [src, port]: which pairs are edges."""
        return np.arange(self.n_sources)[:, None] < self.preceding[None]

    @cached_property
    def reader(self) -> np.ndarray:
        """[port]: the node that reads there, as a source index; `n_sources` for the logits."""
        nodes: list[int] = []
        for layer in range(self.n_layers):
            nodes += [self.head(layer, h) for _ in PORTS for h in range(self.n_heads)] + [self.mlp(layer)]
        return np.array([*nodes, self.n_sources])

    def source_name(self, source: int) -> str:
        if source == 0:
            return "input"
        layer, rest = divmod(source - 1, self.n_heads + 1)
        return f"m{layer}" if rest == self.n_heads else f"a{layer}.h{rest}"

    def port_name(self, port: int) -> str:
        """`logits`, `m3` or `a9.h1<q>`."""
        layer, rest = divmod(port, 3 * self.n_heads + 1)
        if layer == self.n_layers:
            return "logits"
        kind, head = divmod(rest, self.n_heads)
        return f"m{layer}" if kind == 3 else f"a{layer}.h{head}<{PORTS[kind]}>"

    def edge_name(self, source: int, port: int) -> str:
        return f"{self.source_name(source)}->{self.port_name(port)}"

    def edge_names(self, mask: np.ndarray) -> list[str]:
        """Names of the edges of a circuit, bool [src, port]."""
        return [self.edge_name(int(source), int(port)) for source, port in np.argwhere(mask)]

    def source_index(self, name: str) -> int:
        """Raises: ValueError."""
        if name == "input":
            return 0
        if (m := re.fullmatch(r"m(\d+)", name)) and int(m[1]) < self.n_layers:
            return self.mlp(int(m[1]))
        if (a := re.fullmatch(r"a(\d+)\.h(\d+)", name)) and int(a[1]) < self.n_layers and int(a[2]) < self.n_heads:
            return self.head(int(a[1]), int(a[2]))
        last = f"a{self.n_layers - 1}.h{self.n_heads - 1}"
        raise ValueError(
            f"There is no node {name} in a model of {self.n_layers} layers x {self.n_heads} heads: heads are a0.h0 to"
            f" {last}, read at {last}<q>, <k> and <v>, MLPs m0 to m{self.n_layers - 1}, the ends input and logits."
        )

    def port_index(self, name: str) -> int:
        """Raises: ValueError."""
        if name == "logits":
            return self.logits
        if p := re.fullmatch(r"(a\d+\.h\d+)<([qkv])>", name):
            layer, head = divmod(self.source_index(p[1]) - 1, self.n_heads + 1)
            return self.head_ports(layer, p[2]).start + head
        layer, rest = divmod(self.source_index(name) - 1, self.n_heads + 1)
        if name == "input" or rest != self.n_heads:
            raise ValueError(f"{name} is not a port: name one as a9.h1<q>, m3 or logits.")
        return self.mlp_port(layer)

    def edge(self, name: str) -> tuple[int, int]:
        """(source, port) of `a5.h3->a9.h1<q>`. Raises: ValueError."""
        source, _, port = name.partition("->")
        found = self.source_index(source), self.port_index(port)
        if not self.real[found]:
            raise ValueError(f"There is no edge {name}: {source} does not precede {port}.")
        return found
