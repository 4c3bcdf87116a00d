"""A two-layer GPT-NeoX written by hand, whose second layer holds heads that are known by what they write.

Tokens are one-hot; MLP 0 writes the token's one-hot again; the unembedding reads one-hots, times a tenth. No head of
layer 0 writes anything.

    a1.h0  attends evenly and writes each token's successor         a successor head
    a1.h1  attends evenly and writes what it reads                  a copying head
    a1.h2  attends to its own position and writes its token, less   a negatively copying and copy-suppressing head
    a1.h3  attends to earlier occurrences of its token              a duplicate-token head
"""

from typing import Any

import torch
from planted import ROTARY, Head
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

HEADS = 4
SUCCESSOR, COPIER, SUPPRESSOR, DUPLICATE = range(HEADS)


def planted_ov(vocab: int, successor: dict[int, int]) -> GPTNeoXForCausalLM:
    """A model of `vocab` tokens; `successor` maps a token to the next."""
    d_head = ROTARY + vocab
    config = GPTNeoXConfig(
        vocab_size=vocab,
        hidden_size=HEADS * d_head,
        num_hidden_layers=2,
        num_attention_heads=HEADS,
        intermediate_size=vocab,
        hidden_act="relu",
        max_position_embeddings=128,
        rope_parameters={"rope_type": "default", "rope_theta": 1e4, "partial_rotary_factor": ROTARY / d_head},
    )
    model: Any = GPTNeoXForCausalLM(config)
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.fill_(1.0 if "norm.weight" in name else 0.0)
        mlp, one_hot = model.gpt_neox.layers[0].mlp, torch.eye(vocab)
        for weight in (model.gpt_neox.embed_in.weight, mlp.dense_h_to_4h.weight, mlp.dense_4h_to_h.weight.T):
            weight[:, :vocab] = one_hot
        model.lm_head.weight[:, :vocab] = 0.1 * one_hot
        _write(model, SUCCESSOR, _mapping(vocab, successor))
        _write(model, COPIER, one_hot)
        _write(model, SUPPRESSOR, -0.3 * one_hot)
        Head(model, 1, SUPPRESSOR).look_back(0)
        Head(model, 1, DUPLICATE).match(query=0, key=0, gain=1.0)
        Head(model, 1, DUPLICATE).look_back(0, size=14.0, sign=-1.0)
    return model


def _write(model: Any, head: int, mapping: torch.Tensor) -> None:
    vocab = len(mapping)
    Head(model, 1, head).write(source=0, target=0, gain=1.0)
    Head(model, 1, head).out[:vocab, :vocab] = mapping


def _mapping(vocab: int, successor: dict[int, int]) -> torch.Tensor:
    """[target, source]."""
    mapping = torch.zeros(vocab, vocab)
    mapping[list(successor.values()), list(successor)] = 1.0
    return mapping
