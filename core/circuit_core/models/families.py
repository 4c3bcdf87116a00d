"""Which models can be taken apart, as far as a folder says it. Light: needs neither torch nor the weights.

That the residual stream of a family is the plain sum that circuits need is shown by a test of each; that a checkpoint's
options do not change this, `logit_guard` asks once it is loaded.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from circuit_core.errors import CheckpointError
from circuit_core.models import checkpoints

FAMILIES = {
    "gpt_neox": "GPTNeoXForCausalLM",
    "gpt2": "GPT2LMHeadModel",
    "llama": "LlamaForCausalLM",
    "mistral": "MistralForCausalLM",
    "qwen2": "Qwen2ForCausalLM",
    "stablelm": "StableLmForCausalLM",
}
"""Architectures by `model_type`."""


def refusal(config: Mapping[str, Any]) -> str | None:
    """Why a model of this config.json is not supported, in a sentence; None if nothing in it says so."""
    kind, named = config.get("model_type"), config.get("architectures")
    if not isinstance(kind, str):
        return None
    if kind not in FAMILIES:
        name = named[0] if isinstance(named, list) and named else kind
        return f"{name} is not supported, only {', '.join(FAMILIES.values())}: their parts are known to add up."
    name = FAMILIES[kind]
    if config.get("add_cross_attention"):
        return f"{name} with add_cross_attention also reads an encoder: only models that stand alone are supported."
    return None


def refusal_of(folder: Path) -> str | None:
    """Why a checkpoint is not supported, as far as its folder says so; None if it is, or cannot be read."""
    if said := checkpoints.adapter(folder):
        return said
    try:
        return refusal(checkpoints.config(folder))
    except CheckpointError:
        return None
