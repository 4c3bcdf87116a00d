"""Where paths end: the logits, or the q, k and v of some heads, patched jointly."""

from collections.abc import Iterable
from dataclasses import dataclass

from circuit_core.errors import CircuitError
from circuit_core.graph import PORTS, Graph


@dataclass(frozen=True)
class Receivers:
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
