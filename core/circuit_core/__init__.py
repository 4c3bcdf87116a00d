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
    from circuit_core.attribution.edge_scores import EdgeScores, attribute
    from circuit_core.behaviour import behaviour as task_behaviour
    from circuit_core.circuits.search import MinimalCircuit, minimal_circuit
    from circuit_core.formats.circuit_file import CircuitFile
    from circuit_core.formats.eap_ig import read as read_circuit
    from circuit_core.heads.attention import attention_roles
    from circuit_core.heads.copy_suppression import copy_suppression
    from circuit_core.heads.name_movers import copy_scores
    from circuit_core.heads.successor_scores import successor
    from circuit_core.interchange.evaluation import Evaluation, Interchange
    from circuit_core.loaded_model import LoadedModel
    from circuit_core.loading import load, wrap
    from circuit_core.patching.path_patching import path_patching
    from circuit_core.tasks.prompts import PromptSet, own_prompts
    from circuit_core.tasks.sampling import draw
    from circuit_core.tasks.specs import TASKS
    from circuit_core.tasks.user_files import read as read_task

__version__ = "0.1.0"
__all__ = [
    "CircuitFile",
    "EdgeScores",
    "Evaluation",
    "Interchange",
    "LoadedModel",
    "MinimalCircuit",
    "PromptSet",
    "TASKS",
    "attention_roles",
    "attribute",
    "copy_scores",
    "copy_suppression",
    "draw",
    "load",
    "minimal_circuit",
    "own_prompts",
    "path_patching",
    "read_circuit",
    "read_task",
    "successor",
    "task_behaviour",
    "wrap",
]

_HOME = {
    "CircuitFile": "formats.circuit_file",
    "EdgeScores": "attribution.edge_scores",
    "Evaluation": "interchange.evaluation",
    "Interchange": "interchange.evaluation",
    "LoadedModel": "loaded_model",
    "MinimalCircuit": "circuits.search",
    "PromptSet": "tasks.prompts",
    "TASKS": "tasks.specs",
    "attention_roles": "heads.attention",
    "attribute": "attribution.edge_scores",
    "copy_scores": "heads.name_movers",
    "copy_suppression": "heads.copy_suppression",
    "draw": "tasks.sampling",
    "load": "loading",
    "minimal_circuit": "circuits.search",
    "own_prompts": "tasks.prompts",
    "path_patching": "patching.path_patching",
    "read_circuit": "formats.eap_ig:read",
    "read_task": "tasks.user_files:read",
    "successor": "heads.successor_scores",
    "task_behaviour": "behaviour:behaviour",
    "wrap": "loading",
}
"""Name -> the module that has it, and its name there if that is another."""


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    module, _, there = _HOME[name].partition(":")
    return getattr(import_module(f"{__name__}.{module}"), there or name)
