"""The `cfg` of EAP-IG's files: the shape of the model that a circuit is of."""

from collections.abc import Mapping
from typing import Any

from circuit_core.errors import FormatError, brief
from circuit_core.formats.circuit_file import CircuitFile
from circuit_core.graph import Graph

SIZES = ("n_layers", "n_heads", "d_model")
LARGEST_SIZE = 999_999
KEYS = ("n_layers", "n_heads", "parallel_attn_mlp", "d_model")


def need(entry: Any, key: str, item: str) -> Any:
    """The value of a key. Raises: FormatError, if `item` lacks it."""
    if not isinstance(entry, dict) or key not in entry:
        raise FormatError(f"{item} has no key {key!r}.")
    return entry[key]


def further(entry: dict[str, Any], known: tuple[str, ...]) -> dict[str, Any]:
    """Keys that the format does not define."""
    return {key: value for key, value in entry.items() if key not in known}


def shape(cfg: Any, expected: Graph | None = None) -> tuple[Graph, int | None]:
    """The graph and d_model; `expected` is the model's graph, for messages. Raises: FormatError."""
    layers, heads, parallel = (need(cfg, key, "cfg") for key in KEYS[:3])
    for name in SIZES:
        if name in cfg and (type(cfg[name]) is not int or not 0 < cfg[name] <= LARGEST_SIZE):
            right = getattr(expected, name, None)
            wanted = (
                f"a whole number from 1 to {LARGEST_SIZE:,} is needed" if right is None else f"the model has {right}"
            )
            raise FormatError(f"{name} of cfg is {brief(cfg[name])}; {wanted}.")
    if type(parallel) is not bool:
        raise FormatError(f"parallel_attn_mlp of cfg is {brief(parallel)}; true or false is needed.")
    return Graph(layers, heads, parallel), cfg.get("d_model")


def check(cfg: dict[str, Any], sizes: Mapping[str, int]) -> None:
    """Every number that a `cfg` gives is the model's; what it does not give is not known to be wrong.

    Raises: FormatError.
    """
    for name, size in sizes.items():
        if (given := cfg.get(name)) is not None and not (type(given) in (int, float) and given == size):
            raise FormatError(f"{name} of the circuit is {brief(given)}; the model's is {size}.")


def config(circuit: CircuitFile) -> dict[str, Any]:
    """The `cfg` of a circuit; without d_model if that is not known."""
    graph = circuit.graph
    sizes = {"n_layers": graph.n_layers, "n_heads": graph.n_heads, "parallel_attn_mlp": graph.parallel}
    width = {} if circuit.d_model is None else {"d_model": circuit.d_model}
    return sizes | width | circuit.extra.get("cfg", {})


def described(graph: Graph) -> str:
    blocks = "parallel" if graph.parallel else "sequential"
    return f"{graph.n_layers} layers x {graph.n_heads} heads with {blocks} blocks"
