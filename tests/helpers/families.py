"""A tiny random model of every supported family, and of its options that change what is computed."""

from typing import Any

import torch

SIZES: dict[str, Any] = {"vocab_size": 30, "hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 3}
FAMILIES: dict[str, dict[str, Any]] = {
    "GPTNeoX": {"intermediate_size": 32},
    "GPT2": {},
    "GPTJ": {"rotary_dim": 4},
    "Llama": {"intermediate_size": 32},
    "Mistral": {"intermediate_size": 32, "num_key_value_heads": 3, "sliding_window": 4},
    "Qwen2": {"intermediate_size": 32, "num_key_value_heads": 3},
    "Qwen3": {"intermediate_size": 32, "num_key_value_heads": 3, "head_dim": 8},
    "SmolLM3": {"intermediate_size": 32, "num_key_value_heads": 3, "no_rope_layer_interval": 2, "pad_token_id": 0},
    "Apertus": {"intermediate_size": 32, "num_key_value_heads": 3},
    "Olmo": {"intermediate_size": 32, "num_key_value_heads": 3},
    "Phi": {"intermediate_size": 32, "num_key_value_heads": 3},
    "StableLm": {"intermediate_size": 32, "num_key_value_heads": 3},
}
LLAMA_3: dict[str, Any] = {
    **{"rope_type": "llama3", "rope_theta": 1e4, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0},
    "original_max_position_embeddings": 16,
}
GROUPED: dict[str, Any] = {"hidden_size": 32, "num_attention_heads": 4, "num_key_value_heads": 2}
YARN: dict[str, Any] = {
    **{"rope_type": "yarn", "rope_theta": 1e4, "factor": 4.0, "original_max_position_embeddings": 16},
}
ROTARY: dict[str, Any] = {"rope_type": "default", "rope_theta": 100.0, "partial_rotary_factor": 1.0}
OPTIONS: dict[str, dict[str, dict[str, Any]]] = {
    "GPTNeoX": {
        "no biases": {"attention_bias": False},
        "no biases, sequential": {"attention_bias": False, "use_parallel_residual": False},
        "all rotary, tied": {"rope_parameters": ROTARY, "tie_word_embeddings": True, "hidden_act": "relu"},
        "linear": {"rope_parameters": ROTARY | {"rope_type": "linear", "factor": 4.0, "partial_rotary_factor": 0.25}},
    },
    "GPT2": {
        "scaled by layer, untied": {
            **{"scale_attn_by_inverse_layer_idx": True, "reorder_and_upcast_attn": True},
            **{"tie_word_embeddings": False, "activation_function": "relu"},
        },
    },
    "GPTJ": {"all rotary, tied": {"rotary_dim": 8, "tie_word_embeddings": True, "n_inner": 20}},
    "Llama": {
        "biases, wide heads, rope of Llama 3": {
            **{"attention_bias": True, "mlp_bias": True, "head_dim": 16, "tie_word_embeddings": True},
            "rope_parameters": LLAMA_3,
        },
        "grouped, biases, wide heads": {**GROUPED, "attention_bias": True, "head_dim": 12},
    },
    "Mistral": {
        "no window, narrow heads": {"sliding_window": None, "head_dim": 4, "tie_word_embeddings": True},
        "grouped": GROUPED,
    },
    "Qwen2": {
        "a window in one layer, yarn": {
            **{"use_sliding_window": True, "sliding_window": 3, "max_window_layers": 1, "rope_parameters": YARN},
        },
        "one group": {**GROUPED, "num_key_value_heads": 1},
    },
    "Qwen3": {
        "grouped, biases, wide heads, tied": {
            **GROUPED,
            **{"head_dim": 12, "attention_bias": True, "tie_word_embeddings": True},
        }
    },
    "SmolLM3": {"grouped, untied": {**GROUPED, "tie_word_embeddings": False}},
    "Apertus": {"grouped, biases": {**GROUPED, "attention_bias": True}},
    "Olmo": {
        "clipped, grouped": {**GROUPED, "clip_qkv": 1.0},
        "biases, tied": {"attention_bias": True, "tie_word_embeddings": True},
    },
    "Phi": {
        "grouped, all rotary": {**GROUPED, "rope_parameters": ROTARY},
        "normed": {"qk_layernorm": True},
        "normed, grouped, all rotary": {**GROUPED, "qk_layernorm": True, "rope_parameters": ROTARY},
    },
    "StableLm": {
        "parallel, biases": {"use_parallel_residual": True, "use_qkv_bias": True},
        "normed, all rotary": {"qk_layernorm": True, "rope_parameters": ROTARY},
        "parallel, normed": {"use_parallel_residual": True, "qk_layernorm": True},
        "parallel, normed, grouped, biases": {
            **GROUPED,
            **{"use_parallel_residual": True, "qk_layernorm": True, "use_qkv_bias": True},
        },
    },
}
EVERY = [(family, option) for family in FAMILIES for option in (None, *OPTIONS[family])]


def random_model(family: str, option: str | None = None, std: float = 0.3, **more: Any) -> Any:
    """Weights, gains and biases all away from their defaults."""
    import transformers

    torch.manual_seed(0)
    given = {**SIZES, **FAMILIES.get(family, {}), **(OPTIONS[family][option] if option else {}), **more}
    config = getattr(transformers, f"{family}Config")(**given)
    model = getattr(transformers, f"{family}{'LMHeadModel' if family == 'GPT2' else 'ForCausalLM'}")(config)
    for p in model.parameters():
        torch.nn.init.normal_(p, mean=0.0 if p.dim() > 1 else 0.5, std=std)
    return model.eval()


def random_prompts(vocab: int = 30) -> Any:
    """Prompts that are equal at first and end at different positions."""
    from circuit_core.tasks.metrics import LogitDifference
    from circuit_core.tasks.prompts import PromptSet

    clean, corrupted = torch.randint(vocab, (2, 6, 9), generator=torch.Generator().manual_seed(1))
    corrupted[:, :3] = clean[:, :3]
    end = torch.tensor([8, 7, 8, 6, 5, 8])
    return PromptSet("x", clean, corrupted, end, LogitDifference(clean[:, 0], corrupted[:, -1]))
