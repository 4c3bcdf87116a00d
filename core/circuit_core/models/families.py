"""Which models can be taken apart, as far as a folder says it. Light: needs neither torch nor the weights.

That the residual stream of a family is the plain sum that circuits need is shown by a test of each; that a checkpoint's
options do not change this, `logit_guard` asks once it is loaded.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from circuit_core.errors import CheckpointError
from circuit_core.models import checkpoints, sizes

FAMILIES = {
    "gpt_neox": "GPTNeoXForCausalLM",
    "gpt2": "GPT2LMHeadModel",
    "gptj": "GPTJForCausalLM",
    "llama": "LlamaForCausalLM",
    "mistral": "MistralForCausalLM",
    "qwen2": "Qwen2ForCausalLM",
    "qwen3": "Qwen3ForCausalLM",
    "smollm3": "SmolLM3ForCausalLM",
    "apertus": "ApertusForCausalLM",
    "olmo": "OlmoForCausalLM",
    "phi": "PhiForCausalLM",
    "stablelm": "StableLmForCausalLM",
}
"""Architectures by `model_type`."""
_LIST = ", ".join(FAMILIES.values())
_OF_GPTJ = {"rotary_dim": 64, "n_embd": 4096, "n_head": 16}
"""Of a GPT-J whose config.json does not say them."""


_EXPERTS = ("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts", "num_moe_experts")
_RECURRENT = ("mamba_d_state", "mamba_expand", "ssm_cfg", "state_size", "attn_layer_period", "layers_block_type")
_OF_KIND = {
    re.compile(
        r"(m|um|long)?t5.*|.*bart|bart.*|pegasus.*|bigbird_pegasus|blenderbot.*|m2m_100|marian|nllb.*|led|fsmt"
    ): ("has an encoder beside its decoder: only models of one residual stream are supported."),
    re.compile(r".*moe.*|mixtral|dbrx|deepseek_v[2-4].*|gpt_oss|llama4.*|jetmoe|flex_olmo|switch_transformers"): (
        "sends each token to a few of many experts (a mixture of experts), where a circuit needs one MLP a layer: "
        "not supported."
    ),
    re.compile(
        r".*mamba.*|jamba|zamba.*|bamba|rwkv.*|.*hybrid.*|falcon_h1|recurrent_gemma|qwen3_(next|5.*)|nemotron_h|lfm2.*"
        r"|kimi_linear|xlstm|minimax.*"
    ): "has layers without attention heads (it is recurrent, or a hybrid): not supported.",
    re.compile(r"olmo[23]|gemma([2-9]).*|vaultgemma|glm4|exaone4|openai-gpt"): (
        "normalises what attention and MLPs have written (post-norm), so that heads do not add up: not supported."
    ),
}
"""Model types of other kinds, and what is to say of them."""
EXPERTS, RECURRENT = list(_OF_KIND.values())[1:3]


def refusal(config: Mapping[str, Any]) -> str | None:
    """Why a model of this config.json is not supported, in a sentence; None if nothing in it says so."""
    kind, named = config.get("model_type"), config.get("architectures")
    if not isinstance(kind, str):
        return None
    name = FAMILIES.get(kind) or (str(named[0]) if isinstance(named, list) and named else kind)
    if kind not in FAMILIES:
        said = next((said for kinds, said in _OF_KIND.items() if kinds.fullmatch(kind)), _by_keys(config))
        return f"{name} {said or f'is not supported, only {_LIST}: their parts are known to add up.'}"
    if said := _by_keys(config):
        return f"{name} {said}"
    # Options of a supported family with which it cannot be taken apart.
    if config.get("add_cross_attention"):
        return f"{name} with add_cross_attention also reads an encoder: only models that stand alone are supported."
    rotary, width, heads = sizes = [config.get(key, default) for key, default in _OF_GPTJ.items()]
    counted = all(type(size) is int and size > 0 for size in sizes)
    if kind == "gptj" and not (counted and 2 <= rotary <= width // heads and rotary % 2 == 0):
        return f"{name} needs a rotary_dim that is even and at most the width of a head, not {rotary}: not supported."
    return None


def _by_keys(config: Mapping[str, Any]) -> str | None:
    """What the keys of a config.json give away of any family."""
    if config.get("is_encoder_decoder") is True:
        return next(iter(_OF_KIND.values()))
    if any(isinstance(number := config.get(key), int) and number > 1 for key in _EXPERTS):
        return EXPERTS
    layers = config.get("layer_types")
    others = (
        [of for of in layers if "attention" not in str(of) or "linear" in str(of)] if isinstance(layers, list) else []
    )
    return RECURRENT if others or any(config.get(key) is not None for key in _RECURRENT) else None


def refusal_of(folder: Path) -> str | None:
    """Why a checkpoint is not supported, as far as its folder says so; None if it is, or cannot be read."""
    if said := checkpoints.adapter(folder):
        return said
    try:
        config = checkpoints.config(folder)
    except CheckpointError:
        return None
    if said := refusal(config):
        return said
    try:
        sizes.sizes(config, folder / "config.json")
    except CheckpointError as error:
        return str(error)
    return None
