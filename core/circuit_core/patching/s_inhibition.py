"""S-inhibition heads: they turn the name movers away from the repeated name (METHODS e.6, after Wang et al.).

A candidate's z at END is taken from prompts in which the same name is repeated but the two first mentions are swapped,
and path-patched into the queries of all name movers. It inhibits S if, relative to the clean run, the logit difference
falls, the movers look less at IO and more at S1, each by more than 1e-4: less may be rounding (METHODS l.1). Its value
is the share of the logit difference lost, 0 if the test fails. Candidates are heads whose corruption, patched into the
movers' queries, has an effect below -.001.

The changes under all five sets of counterfactual prompts are kept: they tell whether a head carries the token, the
position, or both.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from circuit_core.margins import MARGIN
from circuit_core.patching.counterfactuals import PLACES, counterfactuals
from circuit_core.patching.path_patching import Head, PathPatching

TESTED = "token_same_position_opposite"
BELOW = -0.001
"""Effect from which on a head is a candidate."""


@dataclass(frozen=True)
class Change:
    """What one candidate under one counterfactual set does, relative to the clean run; NaN where that is zero."""

    layer: int
    head: int
    counterfactual: str
    logit_diff: float
    io: float
    """Of the movers' mean attention from END to IO; likewise below."""
    s1: float
    s2: float

    @property
    def inhibits(self) -> bool:
        return self.logit_diff < -MARGIN and self.io < -MARGIN and self.s1 > MARGIN


@dataclass(frozen=True)
class SInhibition:
    value: Float[Tensor, "layer head"]
    """Share of the logit difference lost; 0 for heads that fail the test or are no candidates."""
    changes: list[Change]
    """Of every candidate, under every set."""

    @property
    def heads(self) -> Tensor:
        """bool [layer, head]."""
        return self.value > 0


def s_inhibition(
    patching: PathPatching, movers: Sequence[Head], effect_movers_q: Float[Tensor, "layer head"]
) -> SInhibition:
    """Test every candidate.

    Args:
        movers: the name movers, at least one after a candidate.
        effect_movers_q: effect of every head on the movers' queries.

    Raises:
        TaskError: the prompts do not say where IO, S1 and S2 stand.
    """
    value = torch.zeros_like(effect_movers_q)
    candidates: list[Head] = [(layer, head) for layer, head in (effect_movers_q < BELOW).nonzero().tolist()]
    changes: list[Change] = []
    sets = counterfactuals(patching.prompts)
    for name, tokens in sets.items() if candidates else ():
        changes += _changes(patching, movers, candidates, name, tokens)
    for change in changes:
        if change.counterfactual == TESTED and change.inhibits:
            value[change.layer, change.head] = -change.logit_diff
    return SInhibition(value, changes)


def _changes(
    patching: PathPatching, movers: Sequence[Head], candidates: list[Head], name: str, tokens: Tensor
) -> list[Change]:
    """Of all candidates under one set."""
    queries = [f"a{layer}.h{head}<q>" for layer, head in movers]
    found = patching(queries, candidates, positions="end", source=tokens)
    before = torch.stack([found.metric_clean.mean(), *(found.attention_clean[place] for place in PLACES)])
    after = torch.stack([found.patched.mean(-1), *(found.attention[place] for place in PLACES)])
    relative = (after / before[:, None, None] - 1).where(before[:, None, None] != 0, torch.nan)
    return [Change(*at, name, *relative[:, *at].tolist()) for at in candidates]
