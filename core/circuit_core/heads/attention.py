"""Induction, duplicate-token and previous-token heads, from attention on repeated random tokens (METHODS e.1).

S random tokens come twice. Over batch and queries, with A the attention pattern:

    previous_token   mean of A[q, q - 1]        q = 1 .. 2S-1
    duplicate_token  mean of A[q, q - S]        q = S .. 2S-1   the token's first occurrence
    induction        mean of A[q, q - (S - 1)]  q = S .. 2S-1   the token after its first occurrence

A head that looks a fixed distance back scores at one S without reading any token. So a value is the mean over several S
of [score - control], floored at zero, the control being attention at the same offset on tokens that do not repeat.
Previous-token heads are positional by meaning and have no control. All values are fractions of attention.

The preset `paper-code` takes S = 100 alone, no control, and for induction the query S - 1 too, whose key is the first
token.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from circuit_core.errors import TaskError
from circuit_core.forward.batches import Footprint, fitting, in_batches
from circuit_core.loaded_model import LoadedModel
from circuit_core.statistics import standard_errors, t_quantile

ATTENTION_ROLES = ("induction", "duplicate_token", "previous_token")
SHORT, LONG, OF_THE_PAPER = (13, 19, 26, 31), (50, 67, 83, 100), (100,)
"""Lengths S for small contexts, for contexts of 512 tokens and more, and of the preset `paper-code`."""
RANDOM_ROWS = 16


@dataclass(frozen=True)
class RoleScores:
    """A role's score of every head; `raw` and `control` are its parts where it has a control."""

    role: str
    value: Float[Tensor, "layer head"]
    raw: Float[Tensor, "layer head"] | None = None
    control: Float[Tensor, "layer head"] | None = None
    by_prompt: Float[Tensor, "layer head batch"] | None = None
    """Of each prompt, where the value is their mean and may be asked for other prompts."""
    low: Float[Tensor, "layer head"] | None = None
    high: Float[Tensor, "layer head"] | None = None
    """Ends of the value's 95 % interval over prompts or sequences; None where it is no mean over several."""

    def over(self, each: Float[Tensor, "layer head batch"], strata: Sequence[int] = ()) -> "RoleScores":
        """With the 95 % interval of a fraction that is the mean of these, of each prompt or sequence (METHODS l.5)."""
        if each.shape[-1] < 2:
            return self
        error, freedom = standard_errors(each, strata)
        half = (t_quantile(freedom) * error).to(each)
        return replace(self, low=(self.value - half).clamp(0, 1), high=(self.value + half).clamp(0, 1))


def pattern_scores(
    pattern: Float[Tensor, "*batch head query key"], s: int, first: int | None = None
) -> dict[str, Float[Tensor, " head"]]:
    """The three scores of one layer's pattern on 2S tokens, without control.

    Args:
        first: the first query that counts for induction; None for S.
    """
    found = _of_each(pattern, s, first)
    return {role: score.flatten(0, -2).mean(0) if score.dim() > 1 else score for role, score in found.items()}


def _of_each(
    pattern: Float[Tensor, "*batch head query key"], s: int, first: int | None
) -> dict[str, Float[Tensor, "*batch head"]]:
    """The same of each row of the batch."""
    offsets = {"induction": (s - 1, s if first is None else first), "duplicate_token": (s, s), "previous_token": (1, 1)}
    found = {}
    for role, (back, start) in offsets.items():
        # Attention from each query q >= start to q - back, by head.
        diagonal = pattern.diagonal(-back, -2, -1)[..., start - back :]
        found[role] = diagonal.mean(-1)
    return found


def attention_roles(
    model: LoadedModel,
    ids: Int[Tensor, " vocab"],
    n_ctx: int,
    seed: int = 0,
    preset: str = "default",
) -> list[RoleScores]:
    """Score all heads.

    Args:
        ids: tokens to draw from.
        n_ctx: longest input of the model; decides the lengths S.

    Raises:
        TaskError: the context is too short for any S.
    """
    lengths, plain = _lengths(n_ctx, preset), preset == "paper-code"
    generator = torch.Generator().manual_seed(seed)
    parts: dict[str, list[Tensor]] = {role: [] for role in ATTENTION_ROLES}
    controls: dict[str, list[Tensor]] = {role: [] for role in ATTENTION_ROLES}
    for s in lengths:
        fresh = ids[torch.randint(len(ids), (RANDOM_ROWS, 2 * s), generator=generator).to(ids.device)]
        for tokens, into in ((fresh[:, :s].repeat(1, 2), parts), (fresh, controls)):
            for role, score in _scores(model, tokens, s, s - 1 if plain else s).items():
                into[role].append(score)
    strata = [s for s in lengths for _ in range(RANDOM_ROWS)]
    each = {role: (torch.cat(parts[role], -1), torch.cat(controls[role], -1)) for role in ATTENTION_ROLES}
    mean = {role: (raw.mean(-1), control.mean(-1)) for role, (raw, control) in each.items()}
    found = [RoleScores(role, mean[role][0]).over(each[role][0], strata) for role in ATTENTION_ROLES]
    if plain:
        return found
    for place, role in enumerate(ATTENTION_ROLES[:2]):
        scores = RoleScores(role, (mean[role][0] - mean[role][1]).clamp(min=0), *mean[role])
        found[place] = scores.over(each[role][0] - each[role][1], strata)
    return found


def _lengths(n_ctx: int, preset: str) -> list[int]:
    """Raises: TaskError."""
    wanted = OF_THE_PAPER if preset == "paper-code" else LONG if n_ctx >= 512 else SHORT
    if not (lengths := [s for s in wanted if 2 * s <= n_ctx]):
        raise TaskError(f"a context of {n_ctx} tokens is too short: {2 * wanted[0]} are needed")
    return lengths


@torch.no_grad()
def _scores(
    model: LoadedModel, tokens: Int[Tensor, "batch pos"], s: int, first: int
) -> dict[str, Float[Tensor, "layer head row"]]:
    last = ("unembed.hook_in", lambda tensor, hook: tensor[:, -1:])
    names = [f"blocks.{layer}.attn.hook_pattern" for layer in range(model.graph.n_layers)]

    def work(rows: slice) -> Float[Tensor, "role layer some head"]:
        found: list[dict[str, Tensor]] = []

        def reduce(pattern: Tensor, hook: Any) -> None:
            found.append(_of_each(pattern.float(), s, first))

        with model.bridge.hooks(fwd_hooks=[*((name, reduce) for name in names), last]):
            model.bridge(tokens[rows])
        return torch.stack([torch.stack([layer[role] for layer in found]) for role in ATTENTION_ROLES])

    size = fitting(len(tokens), Footprint(model.bridge, 2 * s).run, tokens.device)
    each = torch.cat(list(in_batches(len(tokens), size, work)), 2).transpose(2, 3)
    return dict(zip(ATTENTION_ROLES, each, strict=True))


def drawable(n_vocab: int, special: list[int]) -> Int[Tensor, " vocab"]:
    """Ids to draw random tokens from: [100, 20000) if the vocabulary reaches so far, else all but special ones."""
    if n_vocab >= 20000:
        return torch.arange(100, 20000)
    keep = torch.ones(n_vocab, dtype=torch.bool)
    keep[[i for i in special if i < n_vocab]] = False
    return keep.nonzero()[:, 0]
