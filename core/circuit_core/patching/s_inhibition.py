"""S-inhibition heads: they turn the name movers away from the repeated name (METHODS e.6, after Wang et al.).

A candidate's z at END is taken from prompts in which the same name is repeated but the two first mentions are swapped,
and path-patched into the queries of all name movers. It inhibits S if, relative to the clean run, the logit difference
falls, the movers look less at IO and more at S1, each by more than rounding can (1e-4 in single precision: attention
weights are exponentials of sums). Its value is the share of the logit difference lost, 0 if the test fails. Candidates
are heads whose corruption, patched into the movers' queries, has an effect below -.001.

The changes under all five sets of counterfactual prompts are kept: they tell whether a head carries the token, the
position, or both.

For draws of the prompts both candidates and test are decided anew (`Tested.heads`): every head that is a candidate in
any draw is patched once, and its metric and attention are averaged over each draw. The movers stay.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from circuit_core.patching.counterfactuals import counterfactuals
from circuit_core.patching.effects import Effects
from circuit_core.patching.path_patching import Head, PathPatching
from circuit_core.tasks.specs import IOI_POSITIONS

TESTED = "token_same_position_opposite"
EFFECT_BELOW = -0.001
"""Effect from which on a head is a candidate."""
FIGURES = ("logit_diff", "io", "s1", "s2")


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


@dataclass(frozen=True, eq=False)
class SInhibition:
    value: Float[Tensor, "layer head"]
    """Share of the logit difference lost; 0 for heads that fail the test or are no candidates."""
    changes: list[Change]
    """Of every candidate, under every set."""
    heads: Bool[Tensor, "draw layer head"]
    """Which heads inhibit S in each draw; the first are the prompts themselves."""


def s_inhibition(
    patching: PathPatching, movers: Sequence[Head], into_queries: Effects, weights: Float[Tensor, "draw batch"]
) -> SInhibition:
    """Test every candidate.

    Args:
        movers: the name movers, at least one after a candidate.
        into_queries: effects of every head on the movers' queries.
        weights: of the prompts, in draws; each once in the first.

    Raises:
        TaskError: the prompts do not say where IO, S1 and S2 stand.
    """
    sets, queries = counterfactuals(patching.prompts), [f"a{layer}.h{head}<q>" for layer, head in movers]
    effects = into_queries.weighted(weights)
    candidates = effects.helps & (effects.effect < EFFECT_BELOW)
    value = torch.zeros_like(into_queries.effect)
    if not candidates.any():
        return SInhibition(value, [], candidates)

    def changed(name: str, senders: Bool[Tensor, "layer head"]) -> Effects:
        return patching(queries, _listed(senders), positions="end", source=sets[name])

    tested = changed(TESTED, candidates.any(0))
    inhibits = candidates & inhibits_s(tested, weights)
    once, changes = weights[:1], []
    for name in sets if candidates[0].any() else ():
        relative = _relative(tested if name == TESTED else changed(name, candidates[0]), once)[:, 0]
        changes += [Change(*at, name, *relative[:, *at].tolist()) for at in _listed(candidates[0])]
    lost = -_relative(tested, once)[0, 0]
    return SInhibition(lost.where(inhibits[0], value), changes, inhibits)


def _relative(found: Effects, weights: Float[Tensor, "draw batch"]) -> Float[Tensor, "figure draw layer head"]:
    """The change of each figure's mean as a share of the clean run's."""
    before = torch.stack([found.metric_clean, *(found.attention_clean[place] for place in IOI_POSITIONS)])
    after = torch.stack([found.patched, *(found.attention[place] for place in IOI_POSITIONS)])
    mean = (before @ weights.T)[..., None, None]
    return (torch.einsum("flhb,rb->frlh", after, weights) / mean - 1).where(mean != 0, torch.nan)


def inhibits_s(found: Effects, weights: Float[Tensor, "draw batch"]) -> Bool[Tensor, "draw layer head"]:
    metric, io, s1, _ = _relative(found, weights)
    margin = 10 * found.rounding
    return (metric < -margin) & (io < -margin) & (s1 > margin)


def _listed(heads: Bool[Tensor, "layer head"]) -> list[Head]:
    return [(layer, head) for layer, head in heads.nonzero().tolist()]
