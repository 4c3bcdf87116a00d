"""Which models are supported, and why another is not; `config.json` says so before anything is loaded."""

from pathlib import Path

from circuit_core import checkpoints
from circuit_core.errors import CheckpointError

FAMILIES = {
    "gpt_neox": "GPTNeoXForCausalLM",
    "gpt2": "GPT2LMHeadModel",
    "llama": "LlamaForCausalLM",
    "mistral": "MistralForCausalLM",
    "qwen2": "Qwen2ForCausalLM",
    "stablelm": "StableLmForCausalLM",
}
"""Architectures whose residual stream is the plain sum that circuits need, each shown to be so by a test: `model_type`
of the config -> the class that `transformers` makes of it."""


def refusal(folder: Path) -> str | None:
    """Why a checkpoint's model is not supported, as far as its folder says so without being loaded; None if it is."""
    if said := checkpoints.adapter(folder):
        return said
    try:
        config = checkpoints.config(folder)
    except CheckpointError:
        return None
    kind, named = config.get("model_type"), config.get("architectures")
    if not isinstance(kind, str):
        return None
    name = FAMILIES.get(kind) or (named[0] if isinstance(named, list) and named else kind)
    return unsupported(str(name), config.get("num_attention_heads"), config.get("num_key_value_heads"))


def unsupported(name: str, heads: int | None, kv_heads: int | None) -> str | None:
    """Why a model of this class, heads and heads of keys and values is not supported; None if it is."""
    if name not in FAMILIES.values():
        return f"{name} is not supported, only {', '.join(FAMILIES.values())}: their parts are known to add up."
    if kv_heads not in (None, heads):
        return f"{name} shares keys and values between heads ({kv_heads} for {heads}): not supported yet."
    return None
