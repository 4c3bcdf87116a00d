"""Hugging Face models made equal ones whose every reader can be hooked: in place, before they are wrapped.

Where groups of heads share a key and a value these are repeated, one for each head, so that every head has its own k
and v port (METHODS l.8).
GPT-NeoX without attention biases gets biases of zero, since TransformerLens splits q, k and v with their biases.
StableLM with parallel residual normalises once for attention and MLP; the MLP gets a norm of its own, a copy, so that
its reader is told from the heads'.
"""

from copy import deepcopy
from typing import Any

import torch
from transformer_lens.model_bridge.architecture_adapter import ArchitectureAdapter
from transformer_lens.model_bridge.generalized_components import NormalizationBridge
from transformers import PreTrainedModel
from transformers.models.stablelm.modeling_stablelm import StableLmDecoderLayer


def hookable(model: PreTrainedModel) -> PreTrainedModel:
    """The same function, with modules that can be wrapped."""
    name, config, layers = type(model).__name__, model.config, _layers(model)
    _ungroup(config, layers)
    if name == "GPTNeoXForCausalLM" and not config.attention_bias:
        for layer in layers:
            for linear in (layer.attention.query_key_value, layer.attention.dense):
                linear.bias = torch.nn.Parameter(linear.weight.new_zeros(len(linear.weight)))
    if name == "StableLmForCausalLM" and config.use_parallel_residual:
        for layer in layers:
            layer.post_attention_layernorm = deepcopy(layer.input_layernorm)
            layer.__class__ = _TwoNorms
    return model


def _ungroup(config: Any, layers: Any) -> None:
    """Weights, biases and norms of keys and values, once for each head that reads them."""
    times = config.num_attention_heads // (getattr(config, "num_key_value_heads", None) or config.num_attention_heads)
    if times == 1:
        return
    for attention in (layer.self_attn for layer in layers):
        for linear in (attention.k_proj, attention.v_proj):
            for name, given in list(linear.named_parameters()):
                each = given.data.unflatten(0, (-1, attention.head_dim)).repeat_interleave(times, 0).flatten(0, 1)
                setattr(linear, name, torch.nn.Parameter(each, given.requires_grad))
            linear.out_features *= times
        if hasattr(getattr(attention, "k_layernorm", None), "norms"):
            attention.k_layernorm.norms = torch.nn.ModuleList(
                deepcopy(norm) for norm in attention.k_layernorm.norms for _ in range(times)
            )
            attention.k_layernorm.num_heads *= times
        attention.num_key_value_groups = 1
        if hasattr(attention, "num_key_value_heads"):
            attention.num_key_value_heads *= times
    config.num_key_value_heads = config.num_attention_heads


def name_parts(adapter: ArchitectureAdapter) -> None:
    """Tell TransformerLens of the norms that `hookable` adds."""
    cfg: Any = adapter.cfg
    blocks: Any = (adapter.component_mapping or {})["blocks"]
    if cfg.architecture == "StableLmForCausalLM" and "ln2" not in blocks.submodules:
        norm = NormalizationBridge("post_attention_layernorm", cfg, use_native_layernorm_autograd=True)
        blocks.submodules["ln2"] = norm


def _layers(model: PreTrainedModel) -> Any:
    body: Any = model.base_model
    return body.h if hasattr(body, "h") else body.layers


class _TwoNorms(StableLmDecoderLayer):
    """A layer with parallel residual: x + attention(ln1(x)) + mlp(ln2(x))."""

    def forward(self, hidden_states: torch.Tensor, *given: Any, **named: Any) -> torch.Tensor:
        attended, _ = self.self_attn(self.input_layernorm(hidden_states), *given, **named)
        assert self.post_attention_layernorm is not None
        return hidden_states + attended + self.mlp(self.post_attention_layernorm(hidden_states))
