"""Successor heads: `Monday` is mapped to `Tuesday` (METHODS e.2, after Gould et al.), from the weights alone.

For consecutive items a, s(a) of a known sequence, both one token each: x_a = MLP_0(LN(W_E[a])) is the effective
embedding; the head's OV circuit maps it to o = x_a W_V W_O, W_V with the gain of the head's own norm, without biases;
o is read as logits through W_U with the final norm's gain. A success is when the logit of s(a) exceeds those of all
other targets of the sequence by more than a margin, 1e-4 of the largest |logit| over the vocabulary, and the head
writes something: o has at least 1e-5 of the norm of x_a (METHODS l.1). A sequence is taken in several forms (leading
space, case of the first letter), each with its own targets; a pair of tokens counts once. A list's value is its share
of successes; the score is the mean over lists of at least `ENOUGH` pairs, from 0 to 1. By chance 1 / targets.

The preset `paper-code` takes x_a = MLP_0(W_E[a]), no gains, logits in bfloat16, ties (within the margin) as successes,
forms that repeat another once more, a misspelt numeral, and the mean over all pairs of all lists.
"""

from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from circuit_core.errors import TaskError
from circuit_core.forward.residual_stream import Weights
from circuit_core.heads import ordinal_sequences
from circuit_core.heads.attention import RoleScores
from circuit_core.heads.unembedding import Unembedding, head_chunks
from circuit_core.loaded_model import LoadedModel
from circuit_core.margins import largest, margin, writes
from circuit_core.models import tokenizers

ENOUGH = 5
"""Pairs that a list needs to count."""
WRITES_AT_ONCE = 512
"""Writes of which all logits are held at a time."""


@dataclass(frozen=True)
class SuccessorScores(RoleScores):
    """The score of every head, and its parts."""

    lists: dict[str, Float[Tensor, "layer head"]] = field(default_factory=dict)
    """Share of successes in each list that counts."""


@torch.no_grad()
def successor(model: LoadedModel, tokenizer: Any, preset: str = "default") -> SuccessorScores:
    """Score all heads, NaN where weights are not finite; heads of layer 0 as if they could read MLP 0.

    Raises:
        TaskError: no tokenizer, or it has too few consecutive items as single tokens.
    """
    bridge, plain = model.bridge, preset == "paper-code"
    if tokenizer is None:
        raise TaskError("successor needs a tokenizer, and the checkpoint brings none: put one beside it.")
    pairs = ordinal_sequences.pairs(tokenizers.encoder(tokenizer), tokenizer.unk_token_id, distinct=not plain)
    lists = {name: of for name, of in pairs.items() if len(of) >= (1 if plain else ENOUGH)}
    if not lists:
        best = max(pairs, key=lambda name: len(pairs[name]))
        raise TaskError(
            f"successor needs {ENOUGH} pairs of consecutive items that are one token each; of {', '.join(pairs)} the "
            f"tokenizer has {len(pairs[best])} at most ({best})."
        )
    asked = Questions([pair for of in lists.values() for pair in of], bridge.W_E.device)
    first, embedded = bridge.blocks[0], bridge.W_E[asked.source][None]
    x = first.mlp(embedded if plain else first.ln2(embedded))[0]
    unembedding, layers = Unembedding(bridge), []
    unembed = unembedding.matrix if plain else unembedding.weight
    # Of each layer, by head and pair: 1 for a success, 0 for none; NaN where logits are not finite.
    for weights in (Weights(bridge, layer) for layer in range(model.graph.n_layers)):
        z, found = torch.einsum("pd,hde->hpe", x, (weights.into if plain else weights.folded)["v"]), []
        for some in head_chunks(len(z), x.numel()):
            written = z[some] @ weights.out[some]
            logits = z[some] @ (weights.out[some] @ unembed[:, asked.tokens])
            written = written if plain else unembedding.norm.seen(written)
            success = writes(written, x) & successes(logits, written, unembed, asked, plain)
            found.append(success + 0 * (logits.sum(2) + unembed.norm(dim=0).max()))
        layers.append(torch.cat(found))
    right = torch.stack(layers).double()
    parts = right.split([len(of) for of in lists.values()], 2)
    values = {name: part.mean(2) for name, part in zip(lists, parts, strict=True)}
    score = right.mean(2) if plain else torch.stack(list(values.values())).mean(0)
    values = {name: value.float() for name, value in values.items()}
    return SuccessorScores("successor", score.float(), lists=values)


class Questions:
    """Pairs as tensors; `column` numbers the tokens of all targets."""

    def __init__(self, pairs: list[ordinal_sequences.ConsecutivePair], device: torch.device) -> None:
        column = {token: i for i, token in enumerate(sorted({t for p in pairs for t in p.targets}))}
        rivals = torch.zeros(len(pairs), len(column), dtype=torch.bool)
        for row, pair in zip(rivals, pairs, strict=True):
            row[[column[t] for t in pair.targets if t != pair.target]] = True
        self.rivals: Bool[Tensor, "pair column"] = rivals.to(device)
        self.source: Int[Tensor, " pair"] = torch.tensor([p.source for p in pairs], device=device)
        self.target: Int[Tensor, " pair"] = torch.tensor([column[p.target] for p in pairs], device=device)
        self.tokens: Int[Tensor, " column"] = torch.tensor(list(column), device=device)


def successes(
    logits: Float[Tensor, "head pair column"],
    written: Float[Tensor, "head pair d_model"],
    unembed: Float[Tensor, "d_model vocab"],
    asked: Questions,
    plain: bool,
) -> Bool[Tensor, "head pair"]:
    """Whether the successor's logit leads by more than the margin, or if `plain` does not lag by more.

    The margin rests on the largest |logit| of all tokens. That is read only where it decides: it is at least the
    largest of the targets, and at most the norm of the write times the largest norm of an unembedding vector.
    """
    logits = logits.bfloat16().float() if plain else logits
    own = logits.gather(2, asked.target.expand(len(logits), -1)[..., None])[..., 0]
    lead = own - logits.masked_fill(~asked.rivals, -torch.inf).amax(2)
    lead = -lead if plain else lead
    most = written.norm(dim=-1) * unembed.norm(dim=0).max()
    share = margin(written.dtype)
    undecided = (lead > share * largest(logits)) & (lead <= share * most)
    most[undecided] = torch.cat([largest(rows @ unembed) for rows in written[undecided].split(WRITES_AT_ONCE)])
    return (lead <= share * most) if plain else (lead > share * most)
