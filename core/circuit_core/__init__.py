"""Circuits, head roles and behaviour of language models across training checkpoints: the mathematics.

`models` turn a checkpoint into a loaded model, `tasks` make prompts; `attribution` scores edges, `circuits` select and
search them, `interchange` evaluates them on what `forward` takes apart; `heads` and `patching` say what heads do,
`trends` what a series of checkpoints shows, `formats` read and write files of other tools. All return frozen results;
nothing here knows a store or a screen.
The names below can be imported from here; torch is not, until one of them is asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from circuit_core.attribution.edge_scores import attribute
    from circuit_core.circuits.search import minimal_circuit
    from circuit_core.interchange.evaluation import Interchange
    from circuit_core.loading import load
    from circuit_core.tasks.sampling import draw
    from circuit_core.tasks.specs import TASKS

__version__ = "0.1.0"
__all__ = ["TASKS", "Interchange", "attribute", "draw", "load", "minimal_circuit"]

_HOME = {
    "TASKS": "tasks.specs",
    "Interchange": "interchange.evaluation",
    "attribute": "attribution.edge_scores",
    "draw": "tasks.sampling",
    "load": "loading",
    "minimal_circuit": "circuits.search",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
