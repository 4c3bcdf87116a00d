"""Where heads look from the answer position (METHODS e.4, e.7), from one pass over the clean prompts.

With A a head's attention pattern, `attn_end_io` is the mean over prompts of A[END, IO]; likewise for S1 and S2. Values
are fractions of attention. The END rows of the first prompts are kept whole, to be looked at.
"""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from circuit_core.forward.batches import Footprint, fitting, in_batches
from circuit_core.heads.attention import RoleScores
from circuit_core.loaded_model import LoadedModel
from circuit_core.tasks.prompts import PromptSet
from circuit_core.tasks.specs import IOI_POSITIONS

SHOWN = 8
"""Prompts whose END rows are kept."""


@dataclass(frozen=True)
class AttentionFromEnd:
    """Attention of every head from the answer position."""

    roles: list[RoleScores]
    """`attn_end_io`, `attn_end_s1` and `attn_end_s2`, as far as the task has these positions."""
    rows: Float[Tensor, "layer head prompt pos"]
    """A[END, pos] of the first `SHOWN` prompts; zero past END."""


@torch.no_grad()
def attention_from_end(model: LoadedModel, prompts: PromptSet) -> AttentionFromEnd:
    """Raises: CircuitError, if not even one prompt fits in memory."""
    names = [who for who in IOI_POSITIONS if who in prompts.positions]
    last = ("unembed.hook_in", lambda tensor, hook: tensor[:, -1:])

    def work(part: slice) -> tuple[Float[Tensor, "name layer head some"], Float[Tensor, "layer head prompt pos"]]:
        """Attention to the named positions, and the END rows of the first prompts."""
        some = prompts[part]
        examples = torch.arange(len(some), device=some.clean.device)
        each: list[Tensor] = []
        rows: list[Tensor] = []

        def reduce(pattern: Tensor, hook: Any) -> None:
            from_end = pattern[examples, :, some.end].float()
            named = [from_end[examples, :, some.positions[who]].T for who in names]
            each.append(torch.stack(named) if named else from_end[:0].transpose(1, 2))
            rows.append(from_end[:SHOWN].transpose(0, 1).clone())

        layers = [(f"blocks.{layer}.attn.hook_pattern", reduce) for layer in range(model.graph.n_layers)]
        with model.bridge.hooks(fwd_hooks=[*layers, last]):
            model.bridge(some.clean)
        return torch.stack(each, 1), torch.stack(rows)

    size = fitting(len(prompts), Footprint(model.bridge, prompts.clean.shape[1]).run, prompts.clean.device)
    parts = list(in_batches(len(prompts), size, work))
    scores = torch.cat([each for each, _ in parts], -1)
    roles = [
        RoleScores(f"attn_end_{who.lower()}", each.mean(-1)).over(each, prompts.strata)
        for who, each in zip(names, scores, strict=True)
    ]
    return AttentionFromEnd(roles, torch.cat([rows for _, rows in parts], 2)[:, :, :SHOWN])
