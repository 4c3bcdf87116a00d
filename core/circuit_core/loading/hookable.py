"""Hugging Face models made equal ones whose every reader can be hooked, before they are wrapped.

    grouped queries       keys and values that heads share are repeated, once for each head (METHODS l.8)
    one norm for a block  the MLP gets a norm of its own, a copy, so that its reader is told from the heads'
                          (GPT-J, Phi, StableLM with parallel residual)
    norms without gain    get a gain of one (OLMo)
    no attention biases   are biases of zero, since TransformerLens splits q, k and v with theirs (GPT-NeoX)
    GPT-J                 becomes a Phi: its rotation turns neighbours, Phi's a half against the other, so the rows of
                          its queries and keys change places

`hookable` makes the modules, `Placement` says where a tensor of Hugging Face's model belongs in them, `wrapped` puts
them behind TransformerLens's bridge.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor
from transformer_lens.model_bridge import TransformerBridge
from transformer_lens.model_bridge.architecture_adapter import ArchitectureAdapter
from transformer_lens.model_bridge.generalized_components import NormalizationBridge, PositionEmbeddingsAttentionBridge
from transformer_lens.model_bridge.generalized_components.base import GeneralizedComponent
from transformer_lens.model_bridge.sources import build_bridge_from_module
from transformers import PhiConfig, PhiForCausalLM, PreTrainedModel
from transformers.initialization import no_init_weights

from circuit_core.models.families import FAMILIES
from circuit_core.models.sizes import WITHOUT_GROUPS

_SHARED = re.compile(r"\.[kv]_proj\.(weight|bias)$")
_NORM_OF_KEYS = re.compile(r"(.*\.k_layernorm\.norms\.)(\d+)(\..*)")
_GPTJ_IN_PHI = {
    **{"transformer.wte.": "model.embed_tokens.", "transformer.ln_f.": "model.final_layernorm."},
    **{"transformer.h.": "model.layers.", ".ln_1.": ".input_layernorm.", ".attn.out_proj.": ".self_attn.dense."},
    **{".attn.": ".self_attn.", ".fc_in.": ".fc1.", ".fc_out.": ".fc2."},
}


class Placement:
    """Where a tensor of a Hugging Face model belongs in the hookable one, and how it looks there."""

    def __init__(self, config: Any) -> None:
        """By the config as it was loaded."""
        self.heads = config.num_attention_heads
        shared = None if config.model_type in WITHOUT_GROUPS else config.num_key_value_heads
        self.kv_heads = shared or self.heads
        self.repeats = self.heads // self.kv_heads
        self.rotary = config.rotary_dim if config.model_type == "gptj" else 0
        self.one_norm = config.model_type in ("gptj", "phi") or (
            config.model_type == "stablelm" and config.use_parallel_residual
        )

    def __call__(self, name: str, tensor: Tensor) -> Iterator[tuple[str, Tensor]]:
        if self.rotary:
            name, tensor = self._in_phi(name, tensor)
        if self.repeats > 1 and _SHARED.search(name):
            tensor = tensor.unflatten(0, (self.kv_heads, -1)).repeat_interleave(self.repeats, 0).flatten(0, 1)
        if self.repeats > 1 and (norm := _NORM_OF_KEYS.fullmatch(name)):
            for head in range(self.repeats):
                yield f"{norm[1]}{int(norm[2]) * self.repeats + head}{norm[3]}", tensor
            return
        if self.one_norm and ".input_layernorm." in name:
            yield name.replace("input_layernorm", "post_attention_layernorm"), tensor
        yield name, tensor

    def _in_phi(self, name: str, tensor: Tensor) -> tuple[str, Tensor]:
        for theirs, phis in _GPTJ_IN_PHI.items():
            name = name.replace(theirs, phis)
        if name.endswith((".q_proj.weight", ".k_proj.weight")):
            rows = torch.arange(len(tensor) // self.heads, device=tensor.device)
            turned, rest = rows[: self.rotary], rows[self.rotary :]
            order = torch.cat([turned[::2], turned[1::2], rest])
            tensor = tensor.unflatten(0, (self.heads, -1))[:, order].flatten(0, 1)
        return name, tensor


def hookable(model: PreTrainedModel) -> PreTrainedModel:
    """The same function, with modules that can be wrapped; they are changed in place, or others."""
    config: Any = model.config
    place, given = Placement(config), dict(model.named_parameters())
    equal = _phi_of(model) if config.model_type == "gptj" else model
    body: Any = equal.base_model
    layers = body.h if hasattr(body, "h") else body.layers
    if config.model_type == "gpt_neox" and not config.attention_bias:
        for linear in (part for of in layers for part in (of.attention.query_key_value, of.attention.dense)):
            linear.bias = torch.nn.Parameter(linear.weight.new_zeros(len(linear.weight)))
    if config.model_type == "olmo":
        like = {"device": equal.device, "dtype": equal.dtype}
        norms = [(layer, name) for layer in layers for name in ("input_layernorm", "post_attention_layernorm")]
        for owner, name in [*norms, (body, "norm")]:
            shape = getattr(owner, name).normalized_shape
            setattr(owner, name, torch.nn.LayerNorm(shape, eps=1e-5, bias=False, **like))
    if place.repeats > 1:
        _make_room_for_groups(layers, place.repeats)
    config.num_key_value_heads = place.heads
    if place.one_norm:

        def forward(self: Any, hidden_states: Tensor, *more: Any, **named: Any) -> Tensor:
            """x + attention(ln1(x)) + mlp(ln2(x)), where Hugging Face has one norm for both."""
            attended, _ = self.self_attn(self.input_layernorm(hidden_states), *more, **named)
            return hidden_states + attended + self.mlp(self.post_attention_layernorm(hidden_states))

        for layer in layers:
            layer.post_attention_layernorm = deepcopy(layer.input_layernorm)
            layer.__class__ = type(type(layer).__name__, (type(layer),), {"forward": forward})
    fill(dict(equal.named_parameters()), given.items(), place)
    return equal


@torch.no_grad()
def fill(held: Mapping[str, Tensor], given: Iterable[tuple[str, Tensor]], place: Placement) -> None:
    """Copy the tensors of a Hugging Face model into the parameters of a hookable one."""
    for name, tensor in given:
        for where, part in place(name, tensor):
            if held[where] is not part:
                held[where].copy_(part)


def _make_room_for_groups(layers: Any, repeats: int) -> None:
    """For a key and a value of each head."""
    for attention in (layer.self_attn for layer in layers):
        for linear in (attention.k_proj, attention.v_proj):
            for name, shared in list(linear.named_parameters()):
                room = shared.new_empty(len(shared) * repeats, *shared.shape[1:])
                setattr(linear, name, torch.nn.Parameter(room))
            linear.out_features *= repeats
        norms: Any = getattr(attention, "k_layernorm", None)
        if hasattr(norms, "norms"):
            norms.norms = torch.nn.ModuleList(deepcopy(norm) for norm in norms.norms for _ in range(repeats))
            norms.num_heads *= repeats
        attention.num_key_value_groups = 1
        if hasattr(attention, "num_key_value_heads"):
            attention.num_key_value_heads *= repeats


def _phi_of(model: PreTrainedModel) -> PreTrainedModel:
    """Of a GPT-J's sizes; biases that it lacks are zero, all else is still to be filled."""
    of: Any = model.config
    d_head = of.n_embd // of.n_head
    config = PhiConfig(
        **{name: getattr(of, name) for name in ("vocab_size", "tie_word_embeddings", "max_position_embeddings")},
        **{name: getattr(of, name) for name in ("bos_token_id", "eos_token_id", "pad_token_id")},
        hidden_size=of.n_embd,
        intermediate_size=of.n_inner or 4 * of.n_embd,
        num_hidden_layers=of.n_layer,
        num_attention_heads=of.n_head,
        hidden_act=of.activation_function,
        layer_norm_eps=of.layer_norm_epsilon,
        rope_parameters={
            **{"rope_type": "default", "rope_theta": 1e4},
            "partial_rotary_factor": (of.rotary_dim + 0.5) / d_head if of.rotary_dim < d_head else 1.0,
        },
    )
    with no_init_weights():
        phi: Any = PhiForCausalLM(config).eval()
    phi.to(model.device)
    phi.set_attn_implementation("eager")
    phi.tie_weights()
    for name, parameter in phi.named_parameters():
        parameter.data = parameter.data.to(model.dtype)
        if ".self_attn." in name and name.endswith(".bias"):
            torch.nn.init.zeros_(parameter)
    return phi


def wrapped(equal: PreTrainedModel) -> TransformerBridge:
    """A hookable model behind TransformerLens's raw bridge, frozen."""

    def name_parts(adapter: ArchitectureAdapter) -> None:
        """Tells TransformerLens of the norms that `hookable` adds, and of those on queries and keys that it leaves
        out."""
        cfg: Any = adapter.cfg
        blocks: Any = (adapter.component_mapping or {})["blocks"]
        if cfg.architecture in ("StableLmForCausalLM", "PhiForCausalLM") and "ln2" not in blocks.submodules:
            norm = NormalizationBridge("post_attention_layernorm", cfg, use_native_layernorm_autograd=True)
            blocks.submodules["ln2"] = norm
        if cfg.architecture == "PhiForCausalLM":
            norms = {f"{port}_norm": GeneralizedComponent(f"{port}_layernorm", optional=True) for port in "qk"}
            attention = blocks.submodules["attn"]
            parts = attention.submodules | norms  # its hooks are made with it, so it is another
            blocks.submodules["attn"] = PositionEmbeddingsAttentionBridge(attention.name, cfg, parts)

    name = FAMILIES[equal.config.model_type]
    bridge = build_bridge_from_module(equal, name, hf_config=equal.config, post_adapter_hook=name_parts)
    return bridge.requires_grad_(False)
