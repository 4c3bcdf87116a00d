"""A two-layer GPT-NeoX written by hand, in which each head does one thing that is known exactly.

Tokens are one-hot in the first `VOCAB` of 1024 dimensions; the next `VOCAB` hold the previous token once head 0 of
layer 0 has written it there. MLPs write nothing. Unembedding reads the first `VOCAB` dimensions.

    a0.h0  attends one token back and writes that token's one-hot      a previous-token head
    a0.h1  attends `OFFSET` tokens back, whatever they are             a fixed-offset head
    a1.h0  attends where the previous token is the current one         an induction head
    a1.h1  attends evenly and writes what it reads                     a copying head
"""

from typing import Any

import torch
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

VOCAB, WIDTH, D_HEAD, ROTARY = 480, 1024, 512, 16
OFFSET = 18


def planted() -> GPTNeoXForCausalLM:
    config = GPTNeoXConfig(
        vocab_size=VOCAB,
        hidden_size=WIDTH,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=8,
        max_position_embeddings=128,
        rope_parameters={"rope_type": "default", "rope_theta": 1e4, "partial_rotary_factor": ROTARY / D_HEAD},
    )
    model: Any = GPTNeoXForCausalLM(config)
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.fill_(1.0 if "norm.weight" in name else 0.0)
        model.gpt_neox.embed_in.weight[:, :VOCAB] = torch.eye(VOCAB)
        model.lm_head.weight[:, :VOCAB] = torch.eye(VOCAB)
        Head(model, 0, 0).look_back(1)
        Head(model, 0, 0).write(source=0, target=VOCAB, gain=0.03)
        Head(model, 0, 1).look_back(OFFSET)
        Head(model, 1, 0).match(query=0, key=VOCAB, gain=1.5)
        Head(model, 1, 1).write(source=0, target=0, gain=1.0)
    return model


def two_step_copy() -> GPTNeoXForCausalLM:
    """One path alone: a0.h0 brings the previous token's one-hot, a1.h0 reads it where it stands and writes it out."""
    model = planted()
    with torch.no_grad():
        for name, p in model.named_parameters():
            if ".attention." in name:
                p.zero_()
        Head(model, 0, 0).look_back(1)
        Head(model, 0, 0).write(source=0, target=VOCAB, gain=1.0)
        Head(model, 1, 0).look_back(0)
        Head(model, 1, 0).write(source=VOCAB, target=0, gain=1.0)
    return model


class Head:
    """Views of one head's weights: query, key, value rows and the columns of its output."""

    def __init__(self, model: Any, layer: int, head: int) -> None:
        attention = model.gpt_neox.layers[layer].attention
        d_head, self.vocab = attention.head_size, model.config.vocab_size
        rows = slice(3 * head * d_head, 3 * (head + 1) * d_head)
        self.weight = attention.query_key_value.weight[rows].view(3, d_head, -1)
        self.bias = attention.query_key_value.bias[rows].view(3, d_head)
        self.out = attention.dense.weight[:, head * d_head : (head + 1) * d_head]

    def write(self, source: int, target: int, gain: float) -> None:
        """Copy as many dimensions of the residual stream as there are tokens from `source` to `target`."""
        self.weight[2, : self.vocab, source : source + self.vocab] = torch.eye(self.vocab)
        self.out[target : target + self.vocab, : self.vocab] = gain * torch.eye(self.vocab)

    def match(self, query: int, key: int, gain: float) -> None:
        """Attend where the key equals the query on as many dimensions; uses no rotary dimension."""
        for which, start in ((0, query), (1, key)):
            used = slice(ROTARY, ROTARY + self.vocab)
            self.weight[which, used, start : start + self.vocab] = gain * torch.eye(self.vocab)

    def look_back(self, offset: int, size: float = 28.0, sign: float = 1.0) -> None:
        """Query and key biases whose rotary product peaks at `offset`, or is lowest there with `sign` -1."""
        half = ROTARY // 2
        angles = 1e4 ** (-torch.arange(half) / half) * -offset
        self.bias[0, :half], self.bias[0, half:ROTARY] = sign * size * angles.cos(), sign * size * angles.sin()
        self.bias[1, :half] = size
